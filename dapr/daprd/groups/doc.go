// Package groups delivers the events that are ready at the same time to the app in one request, in the format of Dapr's bulk subscriptions
// (https://docs.dapr.io/developing-applications/building-blocks/pubsub/pubsub-bulk/#subscribing-messages-in-bulk). Decision 0027 says why.
//
// Each partition still has one event under way, whose status decides about that event alone, and which is read as soon as the app has sent
// it. So the order of events, retries and dead letters stay as they are without groups. What is saved is the cost of a request for each
// event, and the app can write the changes of a whole group in one transaction.
package groups
