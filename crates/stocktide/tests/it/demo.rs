//! The demo: it moves, it keeps to itself, and it leaves nothing behind.

use crate::support::{Server, program};
use std::net::TcpListener;

#[test]
fn a_demo_moves_and_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut command = program();
    command.args(["demo", "--products", "40", "--warehouses", "2", "--speed", "3600", "--listen"]);
    let server = Server::spawn(command.arg(address.to_string()).env("TMPDIR", scratch.path()));
    assert_ne!(server.address, address, "a taken port is left alone");
    let mut connection = server.connect();
    let mut position = || {
        let answer = connection.call("GET", "/v1/stock?limit=1", &[], "").unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        let page = answer.json();
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "the shelves are filled when it is ready");
        page["as_of_position"].as_u64().unwrap()
    };
    let first = position();
    assert!((0..1_000_000).any(|_| position() > first), "the world moves");
    drop(connection);
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn a_demo_does_not_mix_with_real_stock() {
    let directory = tempfile::tempdir().unwrap();
    let demo = |extra: &[&str]| {
        let mut command = program();
        command
            .args(["demo", "--products", "5", "--listen", "127.0.0.1:0", "--data"])
            .arg(directory.path())
            .args(extra);
        command
    };
    assert_eq!(Server::spawn(&mut demo(&[])).terminate().code(), Some(0));
    let output = demo(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("holds stock already"));
}
