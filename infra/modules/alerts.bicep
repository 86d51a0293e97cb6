// Whom to wake and when: one scheduled query for each record of alerts.json, which is written from shared/watching/alerts.py.
// They go to the action group only if there is an address; without one they are seen in the portal.
param name string
param location string
param tags object
@description('Resource id of the Log Analytics workspace that the app\'s lines are in.')
param logs string
@description('Address of whoever is on call. Empty: nobody is told.')
param onCall string

var rules = loadJsonContent('../alerts.json').alerts

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(onCall)) {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'baton'
    emailReceivers: [ { name: 'on-call', emailAddress: onCall, useCommonAlertSchema: true } ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: 'alert-${name}-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Baton, ${rule.name}: ${rule.says}'
    enabled: true
    severity: rule.severity
    scopes: [ logs ]
    evaluationFrequency: rule.every
    windowSize: rule.window
    autoMitigate: true
    // A workspace that was just made has no table AppTraces yet, and its first deployment would be refused for that
    // (github.com/Azure/bicep/issues/11378). The queries are checked by Kusto's own parser before (tests/kusto.py).
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: rule.operator
          threshold: rule.threshold
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: empty(onCall) ? [] : [ people.id ], customProperties: { next: rule.next } }
  }
}]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(logs, 'baton')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Baton'
    category: 'workbook'
    sourceId: logs
    serializedData: loadTextContent('../workbook.json')
  }
}
