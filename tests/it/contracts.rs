//! What is promised in documents, held to the code: schema, messages, OpenAPI.

mod asyncapi;
mod openapi;
mod schema;
