// Where events come from: the data account, the ML workspace unless Databricks trains, and a topic of our own for requests.
// A source may have one system topic only: delete one left over from the portal first.
param token string
param location string
param tags object
param dataAccount string
@description('Whether Databricks trains and serves, of which Event Grid has no events.')
param onDatabricks bool
param workspaceId string
@description('Region of the workspace: a system topic lives where its source lives.')
param workspaceLocation string
@description('Principal id of who may send to the custom topic.')
param sender string

var eventSender = 'd5a91429-5739-47e2-a06b-3470a27159e7'

resource data 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccount
}

resource storage 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgt-storage-${token}'
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: { source: data.id, topicType: 'Microsoft.Storage.StorageAccounts' }
}

resource workspace 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (!onDatabricks) {
  name: 'evgt-workspace-${token}'
  location: workspaceLocation
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: { source: workspaceId, topicType: 'Microsoft.MachineLearningServices.Workspaces' }
}

resource custom 'Microsoft.EventGrid/topics@2025-02-15' = {
  name: 'evgt-baton-${token}'
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    // Not CloudEvents: Azure's worker for Python 3.11 does not read them (functions/intake.py), and their source is the
    // sender's own word, while the topic in an event of this schema is written by Event Grid.
    inputSchema: 'EventGridSchema'
    disableLocalAuth: true
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

// What cannot be delivered is written to the account by the topic's own identity.
module storageDeadLetters 'dead-letters.bicep' = {
  name: 'dead-letters-storage'
  params: { dataAccount: dataAccount, topic: storage.identity.principalId }
}

module workspaceDeadLetters 'dead-letters.bicep' = if (!onDatabricks) {
  name: 'dead-letters-workspace'
  params: { dataAccount: dataAccount, topic: workspace.identity.principalId }
}

module customDeadLetters 'dead-letters.bicep' = {
  name: 'dead-letters-custom'
  params: { dataAccount: dataAccount, topic: custom.identity.principalId }
}

resource maySend 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(custom.id, sender, eventSender)
  scope: custom
  properties: {
    principalId: sender
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', eventSender)
  }
}

output storageTopic string = storage.name
output workspaceTopic string = onDatabricks ? '' : workspace.name
output customTopic string = custom.name
output customTopicId string = custom.id
output customEndpoint string = custom.properties.endpoint
