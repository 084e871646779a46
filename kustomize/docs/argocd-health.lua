-- The health of an ExternalSecret (kubernetes-client.io) for Argo CD: its argocd-cm holds this script under
-- resource.customizations.health.kubernetes-client.io_ExternalSecret. It is right for a VaultStaticSecret, too, under
-- resource.customizations.health.secrets.hashicorp.com_VaultStaticSecret. Argo CD gives the object as obj and lends no library of strings.
local function health(status, message)
  return {status = status, message = message}
end

local status = obj.status or {}

if obj.spec ~= nil and obj.spec.suspend then
  return health("Suspended", "spec.suspend is true: nothing is read or written")
end
local generation = status.observedGeneration or status.lastGeneration
if generation ~= nil and generation ~= obj.metadata.generation then
  return health("Progressing", "the last edit was not synced yet")
end

for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" then
    local message = condition.message
    if message == nil or message == "" then
      message = "the Secret is as spec and backend have it"
    end
    if condition.status == "True" then
      return health("Healthy", message)
    end
    -- A backend that is slow to answer fails no first sync: it is asked again.
    local passes = condition.reason == "BackendThrottled" or condition.reason == "BackendUnavailable"
    local succeeded = status.lastSuccess or (status.sync or {}).lastSuccess
    if condition.reason == "Suspended" or passes and succeeded == nil then
      return health("Progressing", message)
    end
    return health("Degraded", condition.reason .. ": " .. message)
  end
end

-- What kubernetes-external-secrets wrote has no conditions, and what Vault Secrets Operator wrote may have none.
if status.secretMAC ~= nil then
  return health("Healthy", "Vault Secrets Operator synced it")
end
if status.status == "SUCCESS" then
  return health("Healthy", "the Secret is as spec and backend have it")
end
if status.status ~= nil and status.status ~= "" then
  return health("Degraded", status.status)
end
return health("Progressing", "the syncer has not seen it yet")
