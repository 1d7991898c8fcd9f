//! Tests of the binary as a process: exit codes, pipes, signals, files, help, and commands that undo each other.

mod support;

mod bridge;
mod budget;
mod capture;
mod captured;
mod codes;
mod contract;
mod control;
mod corpora;
mod cuts;
mod determinism;
mod dev;
mod differences;
mod disk;
mod exports;
mod faults;
mod golden;
mod help;
mod kafka;
mod layering;
mod load;
mod operations;
mod pipes;
mod plant;
mod record;
mod replay;
mod scarce;
mod schemas;
mod serve;
mod served;
mod settings;
mod stops;
mod tail;
mod terminals;
mod verify_topic;
