//! What is promised in documents, held to the code: schema, messages, OpenAPI, who is let in on
//! which of its routes, a story played from it, what nginx may repeat, and what containers pass on.

mod asyncapi;
mod containers;
mod nginx;
mod openapi;
mod rights;
mod schema;
mod story;
mod subjects;
