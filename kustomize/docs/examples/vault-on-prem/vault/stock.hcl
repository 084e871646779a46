path "secret/data/stock/*" {
  capabilities = ["read"]
}
