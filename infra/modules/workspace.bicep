// An Azure ML workspace of our own, where none is given: with its account, vault, registry, and a cluster that sleeps
// at no cost.
param name string
param token string
param location string
param tags object
@description('Application Insights component that the workspace writes to.')
param componentId string

module account 'account.bicep' = {
  name: 'workspace-account'
  params: { name: 'stml${token}', location: location, tags: tags }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: 'kv-ml-${token}'
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
  }
}

// Left out, the workspace would make a registry later by itself, with its admin user on.
resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: 'crml${token}'
  location: location
  tags: tags
  sku: { name: 'Basic' }
  properties: { adminUserEnabled: false }
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'Default'
  identity: { type: 'SystemAssigned' }
  properties: {
    friendlyName: name
    storageAccount: account.outputs.id
    keyVault: vault.id
    applicationInsights: componentId
    containerRegistry: registry.id
    systemDatastoresAuthMode: 'Identity'
    v1LegacyMode: false
  }
}

resource cluster 'Microsoft.MachineLearningServices/workspaces/computes@2025-06-01' = {
  parent: workspace
  name: 'cpu'
  location: location
  identity: { type: 'SystemAssigned' }
  properties: {
    computeType: 'AmlCompute'
    disableLocalAuth: true
    properties: {
      vmSize: 'Standard_DS3_v2'
      scaleSettings: { minNodeCount: 0, maxNodeCount: 2, nodeIdleTimeBeforeScaleDown: 'PT120S' }
    }
  }
}

output id string = workspace.id
