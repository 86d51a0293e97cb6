// Which event wakes which function: from subscriptions.json, which the laptop's emulator reads too. Deployed after the
// code (infra/subscribe.sh), because Event Grid refuses a function that is not there. Safe to repeat.
param storageTopic string
@description('Empty where Databricks trains, which sends no events.')
param workspaceTopic string
param customTopic string
@description('Resource id of the function app.')
param appId string
@description('Resource id of the account with the container `deadletter`.')
param dataAccountId string

var subscriptions = loadJsonContent('subscriptions.json').subscriptions

resource storage 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: storageTopic
}

resource workspace 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: empty(workspaceTopic) ? 'none' : workspaceTopic
}

resource custom 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: customTopic
}

resource storageSubscriptions 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [for rule in filter(subscriptions, one => one.topic == 'storage'): {
  parent: storage
  name: rule.name
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: { resourceId: '${appId}/functions/${rule.function}', maxEventsPerBatch: 1 }
    }
    filter: {
      includedEventTypes: rule.includedEventTypes
      subjectBeginsWith: rule.?subjectBeginsWith ?? ''
      advancedFilters: rule.?advancedFilters ?? []
    }
    retryPolicy: {
      maxDeliveryAttempts: rule.?maxDeliveryAttempts ?? 30
      eventTimeToLiveInMinutes: rule.?eventTimeToLiveInMinutes ?? 1440
    }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: { resourceId: dataAccountId, blobContainerName: 'deadletter' }
      }
    }
  }
}]

resource workspaceSubscriptions 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [for rule in filter(subscriptions, one => one.topic == 'workspace' && !empty(workspaceTopic)): {
  parent: workspace
  name: rule.name
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: { resourceId: '${appId}/functions/${rule.function}', maxEventsPerBatch: 1 }
    }
    filter: {
      includedEventTypes: rule.includedEventTypes
      subjectBeginsWith: rule.?subjectBeginsWith ?? ''
      advancedFilters: rule.?advancedFilters ?? []
    }
    retryPolicy: {
      maxDeliveryAttempts: rule.?maxDeliveryAttempts ?? 30
      eventTimeToLiveInMinutes: rule.?eventTimeToLiveInMinutes ?? 1440
    }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: { resourceId: dataAccountId, blobContainerName: 'deadletter' }
      }
    }
  }
}]

resource customSubscriptions 'Microsoft.EventGrid/topics/eventSubscriptions@2025-02-15' = [for rule in filter(subscriptions, one => one.topic == 'custom'): {
  parent: custom
  name: rule.name
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      endpointType: 'AzureFunction'
      properties: { resourceId: '${appId}/functions/${rule.function}', maxEventsPerBatch: 1 }
    }
    filter: {
      includedEventTypes: rule.includedEventTypes
      subjectBeginsWith: rule.?subjectBeginsWith ?? ''
      advancedFilters: rule.?advancedFilters ?? []
    }
    retryPolicy: {
      maxDeliveryAttempts: rule.?maxDeliveryAttempts ?? 30
      eventTimeToLiveInMinutes: rule.?eventTimeToLiveInMinutes ?? 1440
    }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: { resourceId: dataAccountId, blobContainerName: 'deadletter' }
      }
    }
  }
}]
