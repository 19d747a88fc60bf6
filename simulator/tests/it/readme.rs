//! The README lists everything that it promises to list.

use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_assumption_is_listed_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    for path in files {
        let made = std::fs::read_to_string(&path).unwrap().matches("ASSUMPTION: ").count();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let listed = readme.matches(&format!("- `{name}`: ")).count();
        assert_eq!(made, listed, "assumptions of {name} in README.md");
    }
}

/// `GET /people/{number}` as its method and the parts of its path.
type Route = (String, Vec<String>);

fn route(method: &str, path: &str) -> Route {
    (method.to_owned(), path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect())
}

/// The routes in `.route("/people", get(…).post(…))`.
fn routes(router: &str) -> Vec<Route> {
    let mut routes = Vec::new();
    for one in router.split(".route(").skip(1) {
        let path = one.split('"').nth(1).unwrap();
        let methods = [("GET", "get("), ("POST", "post("), ("DELETE", "delete(")];
        let end = one.find("\n").unwrap();
        routes.extend(methods.iter().filter(|(_, word)| one[..end].contains(word)).map(|(name, _)| route(name, path)));
    }
    routes
}

/// The routes in the README's tables: `` | `GET /control/people/15550001` | ``.
fn listed(readme: &str) -> Vec<Route> {
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()?.split_once(" /control/"));
    rows.map(|(method, path)| route(method, path)).collect()
}

#[test]
fn every_route_of_the_control_api_is_in_the_readme_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = listed(&std::fs::read_to_string(root.join("README.md")).unwrap());
    let mut routes = routes(&std::fs::read_to_string(root.join("src/control/mod.rs")).unwrap());
    routes.retain(|(_, path)| !path.is_empty());
    assert!(routes.len() > 25, "the routes are found");
    // Where a route has a parameter in braces, the README has an example.
    let is_same = |(method, path): &Route, example: &Route| {
        let mut parts = path.iter().zip(&example.1);
        *method == example.0
            && path.len() == example.1.len()
            && parts.all(|(part, example)| part.starts_with('{') || part == example)
    };
    for route in &routes {
        assert!(listed.iter().any(|example| is_same(route, example)), "{route:?} is not in README.md");
    }
    for example in &listed {
        assert!(routes.iter().any(|route| is_same(route, example)), "{example:?} is no route");
    }
}
