//! What is promised in documents, held to the code: schema, messages, OpenAPI, who is let in on which
//! of its routes, and what nginx may repeat.

mod asyncapi;
mod nginx;
mod openapi;
mod rights;
mod schema;
