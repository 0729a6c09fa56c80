mod adapters;
mod links;
mod stage;
mod thread;
