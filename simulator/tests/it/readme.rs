//! What the README promises to list is all there.

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

#[test]
fn every_route_of_the_control_api_is_in_the_readme() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let router = std::fs::read_to_string(root.join("src/control/mod.rs")).unwrap();
    let routes: Vec<&str> = router.split(".route(").skip(1).filter_map(|rest| rest.split('"').nth(1)).collect();
    assert!(routes.len() > 20, "the routes are found");
    for route in routes.into_iter().filter(|route| *route != "/") {
        let last = route.rsplit('/').find(|part| !part.starts_with('{')).unwrap();
        assert!(readme.contains(&format!("/{last}")), "{route} is not in README.md");
    }
}
