//! nginx asks a second replica what the first did not answer, but nothing that acts. It knows the
//! GETs that act by a list of its own.

use std::fs;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docker/nginx/nginx.conf");

/// What the paths begin with whose GET nginx does not repeat: `"~^GET /(one|two)(/|$)" 1;`.
fn not_repeated() -> Vec<String> {
    let file = fs::read_to_string(FILE).expect("nginx.conf");
    let lines = file.lines().filter_map(|line| line.trim().strip_prefix(r#""~^GET /("#));
    let lists = lines.map(|line| line.strip_suffix(r#")(/|$)" 1;"#).expect("a list of paths"));
    lists.flat_map(|list| list.split('|')).map(|path| format!("/{path}")).collect()
}

#[test]
fn nginx_repeats_no_get_that_acts() {
    let (not_repeated, acting) = (not_repeated(), ticketing::app::acting_gets());
    let is_of = |path: &str, start: &str| {
        path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    for path in &acting {
        assert!(not_repeated.iter().any(|start| is_of(path, start)), "nginx repeats {path}");
    }
    for start in &not_repeated {
        assert!(acting.iter().any(|path| is_of(path, start)), "GET {start} does not act");
    }
}
