//! What is promised in documents, held to the code: schema, messages, OpenAPI, and
//! who is let in on which of its routes.

mod asyncapi;
mod openapi;
mod rights;
mod schema;
