//! A server: its first start, its doors, and who may not have its directory.

use crate::support::{Ran, Server, added, program, run, serve};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;

#[test]
fn the_five_field_event_works_against_an_empty_system() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let event = r#"{"event": "item_removed", "product_id": "SKU123", "location": "warehouse_A", "quantity": 5,
        "timestamp": "2026-02-16T10:00:00Z"}"#;
    let answer = server.call("POST", "/v1/events", event);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(server.on_hand("SKU123", "warehouse_A"), -5);
    let again = server.call("POST", "/v1/events", event);
    assert_eq!(again.status, 200, "{}", again.body);
    assert_eq!(server.on_hand("SKU123", "warehouse_A"), -5);
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn the_first_start_makes_a_token_that_opens_the_door_from_then_on() {
    let directory = tempfile::tempdir().unwrap();
    let mut bearer = String::new();
    for start in ["first", "second"] {
        let server = Server::spawn(&mut serve(directory.path()));
        let file = directory.path().join("admin.token");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let token = format!("Bearer {}", std::fs::read_to_string(file).unwrap().trim());
        assert!(start == "first" || token == bearer);
        bearer = token;
        let mut connection = server.connect();
        let mut status = |headers: &[(&str, &str)]| {
            connection.call("POST", "/v1/events", headers, &added("SKU123", start)).unwrap().status
        };
        assert_eq!(status(&[]), 401);
        assert_eq!(status(&[("Authorization", "Bearer wrong")]), 401);
        assert_eq!(status(&[("Authorization", &bearer)]), 201);
        drop(connection);
        assert_eq!(server.terminate().code(), Some(0));
    }
}

#[test]
fn a_second_process_does_not_get_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    for arguments in [vec!["serve", "--listen", "127.0.0.1:0"], vec!["import", "-"]] {
        let output = program().args(&arguments).arg("--data").arg(directory.path()).output().unwrap();
        let ran = Ran::of(&output).ended_with(1);
        assert!(ran.stderr.starts_with("ST0101: "), "{}", ran.stderr);
        assert!(ran.stderr.contains("in use by another process") && ran.stderr.contains("--url"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    assert_eq!(server.call("GET", "/readyz", "").status, 200);
}

#[test]
fn a_directory_that_may_only_be_read_is_a_clear_error() {
    let outside = tempfile::tempdir().unwrap();
    let directory = outside.path().join("stock");
    std::fs::create_dir(&directory).unwrap();
    let allow = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    allow(outside.path(), 0o755);
    allow(&directory, 0o555);
    let mut command = program();
    if std::fs::metadata(&directory).unwrap().uid() == 0 {
        // The superuser may write anywhere, so somebody else runs a copy that they can reach.
        let copy = outside.path().join("stocktide");
        std::fs::copy(env!("CARGO_BIN_EXE_stocktide"), &copy).unwrap();
        allow(&copy, 0o755);
        command = std::process::Command::new(copy);
        command.env_clear().uid(65_534).gid(65_534).current_dir("/");
    }
    let output = command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&directory).output().unwrap();
    let ran = Ran::of(&output).ended_with(1);
    assert!(ran.stderr.starts_with("ST0") && ran.stderr.contains("ermission denied"), "{}", ran.stderr);
    assert!(ran.stderr.contains(directory.to_str().unwrap()), "{}", ran.stderr);
}

#[test]
fn a_port_that_is_taken_is_told_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = directory.path().join("stock");
    let output = program().args(["serve", "--listen", &address, "--data"]).arg(&data).output().unwrap();
    let ran = Ran::of(&output).ended_with(1);
    assert!(ran.stderr.contains(&format!("listening on {address}")), "{}", ran.stderr);
    assert!(!data.exists());
}

#[test]
fn what_would_open_the_door_to_others_is_refused() {
    let check = |arguments: &[&str], says: &str| {
        let ran = run(["serve", "--data", "never-made"].iter().chain(arguments)).ended_with(2);
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
        assert!(!Path::new("never-made").exists());
    };
    check(&["--listen", "0.0.0.0:0"], "--insecure-plaintext");
    check(&["--listen", "0.0.0.0:0", "--auth", "none"], "loopback");
    check(&["--listen", "0.0.0.0:0", "--auth", "none", "--insecure-plaintext"], "loopback");
    check(&["--id-window", "1 fortnight"], "fortnight");
    let ran = run(["demo", "--listen", "0.0.0.0:0"]).ended_with(2);
    assert!(ran.stderr.contains("can be reached by others"), "{}", ran.stderr);
}

#[test]
fn a_file_configures_what_no_flag_says_and_unknown_keys_are_errors() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("stocktide.toml");
    let data = directory.path().join("stock");
    let text = format!("data = {data:?}\nlog = 'error'\n[server]\nlisten = '127.0.0.1:0'\nauth = 'none'\n");
    std::fs::write(&file, &text).unwrap();
    let server = Server::spawn(program().arg("serve").arg("--config").arg(&file));
    assert_eq!(server.call("POST", "/v1/events", &added("SKU123", "1")).status, 201);
    assert_eq!(server.terminate().code(), Some(0));
    assert!(data.join("journal").is_dir());
    std::fs::write(&file, text + "colour = 'blue'\n").unwrap();
    let output = program().arg("serve").arg("--config").arg(&file).output().unwrap();
    let ran = Ran::of(&output).ended_with(2);
    assert!(ran.stderr.contains("unknown field `colour`"), "{}", ran.stderr);
}
