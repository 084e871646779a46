package wire

import "testing"

func TestClientTakesNothingFromTheEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"VAULT_ADDR": "http://other.example", "VAULT_AGENT_ADDR": "http://other.example", "VAULT_TOKEN": "other",
		"VAULT_NAMESPACE": "other", "VAULT_HEADERS": `{"X-Other":"x"}`,
	} {
		t.Setenv(name, value)
	}
	client, err := New(Config{Namespace: "team"})
	if err != nil {
		t.Fatal(err)
	}
	if client.Address() != defaultAddress || client.Token() != "" || client.Namespace() != "team" || client.Headers().Get("X-Other") != "" {
		t.Errorf("address %q, namespace %q, headers %v", client.Address(), client.Namespace(), client.Headers())
	}
}
