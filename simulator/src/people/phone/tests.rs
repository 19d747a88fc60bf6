mod companions;
mod talk;
mod trouble;
mod world;
