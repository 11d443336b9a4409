//! The packages that a release is compiled from: the library's and the simulated region's, for one platform.
//!
//! Knows: how to ask cargo, which licence texts a package brings, and what is linked in besides packages. Makes of it the
//! bill of materials (CycloneDX) and the licences that go with a release.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::archive::{Contents, below, read};
use crate::Failed;
use crate::artefact::House;

/// What the shipped files are built from.
const PROGRAMS: [&str; 2] = ["genesys-cloud-adapter", "gca-region"];

/// One package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// As an SPDX expression.
    pub(crate) licence: String,
    description: Option<String>,
    repository: Option<String>,
    authors: Vec<String>,
    /// From a registry, not of this project.
    is_foreign: bool,
    /// Where its sources are.
    sources: PathBuf,
    /// Of the release's packages, those that it uses itself.
    uses: BTreeSet<String>,
}

impl Package {
    /// Its address among all packages of the world.
    fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }
}

/// Something that is linked in and is no package: the languages' own libraries.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    pub(crate) name: String,
    pub(crate) version: String,
    /// As an SPDX expression.
    pub(crate) licence: String,
    /// Its licence texts.
    pub(crate) texts: Vec<PathBuf>,
}

/// All packages of a release, by `name@version`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packages(BTreeMap<String, Package>);

/// What `cargo metadata` says, as far as it is read.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Described>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Described {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    description: Option<String>,
    repository: Option<String>,
    authors: Vec<String>,
    source: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

impl Packages {
    /// Asks cargo, which fetches what no build on this machine has needed yet.
    pub(crate) fn of(house: &House, platform: &str) -> Result<Self, Failed> {
        // Which packages: `tree` chooses features as a build does, `metadata` as if everything were built at once.
        let mut tree = house.cargo();
        tree.args(["tree", "--locked", "--target", platform]);
        tree.args([
            "--edges",
            "normal,no-proc-macro",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ]);
        for program in PROGRAMS {
            tree.args(["--package", program]);
        }
        let there: BTreeSet<String> = said(&mut tree)?
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ');
                let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
                Some(format!("{name}@{version}"))
            })
            .collect();
        let mut metadata = house.cargo();
        metadata.args(["metadata", "--locked", "--format-version", "1"]);
        metadata.args(["--filter-platform", platform]);
        let metadata: Metadata = serde_json::from_str(&said(&mut metadata)?)
            .map_err(|error| Failed::new(format!("cannot read cargo's metadata: {error}")))?;
        let packages = Self::chosen(metadata, &there);
        match there.iter().find(|key| !packages.0.contains_key(*key)) {
            None if packages.0.len() > PROGRAMS.len() => Ok(packages),
            None => Err(Failed::new("cargo names no package".to_owned())),
            Some(key) => Err(Failed::new(format!("cargo's metadata lacks {key}"))),
        }
    }

    fn chosen(metadata: Metadata, there: &BTreeSet<String>) -> Self {
        let keys: BTreeMap<String, String> = metadata
            .packages
            .iter()
            .map(|package| {
                (
                    package.id.clone(),
                    format!("{}@{}", package.name, package.version),
                )
            })
            .filter(|(_, key)| there.contains(key))
            .collect();
        let mut packages: BTreeMap<String, Package> = metadata
            .packages
            .into_iter()
            .filter_map(|package| {
                let key = keys.get(&package.id)?.clone();
                let licence = package.license.unwrap_or_default();
                let package = Package {
                    name: package.name,
                    version: package.version,
                    // Old manifests write a slash for OR.
                    licence: licence.replace('/', " OR "),
                    description: package.description,
                    repository: package.repository,
                    authors: package.authors,
                    is_foreign: package.source.is_some(),
                    sources: package.manifest_path.parent().map(Path::to_owned)?,
                    uses: BTreeSet::new(),
                };
                Some((key, package))
            })
            .collect();
        for node in metadata.resolve.nodes {
            let uses = node
                .dependencies
                .iter()
                .filter_map(|id| keys.get(id))
                .cloned();
            if let Some(package) = keys.get(&node.id).and_then(|key| packages.get_mut(key)) {
                package.uses = uses.collect();
            }
        }
        Self(packages)
    }

    /// Adds the licences of all packages and of the rest to the archive, under `licences/`: a table of who has which, and
    /// each different text once.
    pub(crate) fn licences(
        &self,
        runtimes: &[Runtime],
        contents: &mut Contents,
    ) -> Result<(), Failed> {
        let mut page = String::from(
            "# Licences\n\nWhat the library and the simulated region are compiled from, besides this project's own code. \
             Under each name stand the texts that came with it, which lie beside this file.\n\n\
             | what | version | licence | texts |\n|---|---|---|---|\n",
        );
        let mut texts = BTreeMap::new();
        let foreign = self.0.values().filter(|package| package.is_foreign);
        let foreign = foreign.map(|package| -> Result<_, Failed> {
            let files = below_one(&package.sources)?;
            Ok((&package.name, &package.version, &package.licence, files))
        });
        let runtimes = runtimes.iter().map(|runtime| {
            Ok((
                &runtime.name,
                &runtime.version,
                &runtime.licence,
                runtime.texts.clone(),
            ))
        });
        for entry in foreign.chain(runtimes) {
            let (name, version, licence, files) = entry?;
            if licence.is_empty() || files.is_empty() {
                return Err(Failed::new(format!(
                    "{name} {version} brings no licence; say in xtask/src/dist/packages.rs where it is"
                )));
            }
            let mut links = Vec::new();
            for file in files {
                let shown = file
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                let own = format!("{name}-{version}-{shown}").replace(' ', "-");
                let place: &String = texts.entry(read(&file)?).or_insert(own);
                links.push(format!("[{shown}]({place})"));
            }
            let links = links.join(", ");
            let _ = writeln!(page, "| {name} | {version} | {licence} | {links} |");
        }
        contents.add("licences/README.md", page)?;
        for (text, name) in texts {
            contents.add(&format!("licences/{name}"), text)?;
        }
        Ok(())
    }

    /// The bill of materials, in the form of CycloneDX 1.6.
    pub(crate) fn bill(
        &self,
        runtimes: &[Runtime],
        tools: &[(String, String)],
        platform: &str,
        time: Timestamp,
    ) -> Result<String, Failed> {
        let main = self.0.values().find(|package| package.name == PROGRAMS[0]);
        let main = main.ok_or_else(|| Failed::new("the library is no package".to_owned()))?;
        let of_packages = self.0.values().filter(|package| *package != main);
        let of_packages = of_packages.map(|package| {
            let mut component = json!({
                "type": "library",
                "bom-ref": package.purl(),
                "name": package.name,
                "version": package.version,
                "scope": "required",
                "licenses": [{ "expression": package.licence }],
                "purl": package.purl(),
            });
            if let Some(description) = &package.description {
                component["description"] =
                    json!(description.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            if let Some(repository) = &package.repository {
                component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
            }
            if !package.authors.is_empty() {
                let authors = package.authors.iter().map(|name| json!({ "name": name }));
                component["authors"] = Value::Array(authors.collect());
            }
            component
        });
        let of_runtimes = runtimes.iter().map(|runtime| {
            json!({
                "type": "library",
                "bom-ref": format!("{}@{}", runtime.name, runtime.version),
                "name": runtime.name,
                "version": runtime.version,
                "scope": "required",
                "licenses": [{ "expression": runtime.licence }],
            })
        });
        let tools = tools.iter().map(
            |(name, version)| json!({ "type": "application", "name": name, "version": version }),
        );
        let uses = self.0.values().map(|package| {
            let uses = package.uses.iter().filter_map(|key| self.0.get(key));
            json!({ "ref": package.purl(), "dependsOn": uses.map(Package::purl).collect::<Vec<_>>() })
        });
        let bill = json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {
                "timestamp": time.to_string(),
                "tools": { "components": tools.collect::<Vec<_>>() },
                "component": {
                    "type": "library",
                    "bom-ref": main.purl(),
                    "name": main.name,
                    "version": main.version,
                    "description": main.description,
                    "licenses": [{ "expression": main.licence }],
                    "purl": main.purl(),
                },
                "properties": [{ "name": "platform", "value": platform }],
            },
            "components": of_packages.chain(of_runtimes).collect::<Vec<_>>(),
            "dependencies": uses.collect::<Vec<_>>(),
        });
        serde_json::to_string_pretty(&bill)
            .map(|text| text + "\n")
            .map_err(|error| Failed::new(format!("cannot write the bill of materials: {error}")))
    }
}

/// The licence texts at the top of a package's sources.
fn below_one(sources: &Path) -> Result<Vec<PathBuf>, Failed> {
    let cannot = |error| Failed::new(format!("cannot read {}: {error}", sources.display()));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(sources).map_err(cannot)? {
        let path = entry.map_err(cannot)?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_ascii_lowercase();
        let is_text = ["licen", "copying", "copyright", "notice", "unlicense"]
            .iter()
            .any(|word| name.starts_with(word));
        if is_text && path.is_file() {
            found.push(path);
        } else if is_text && path.is_dir() {
            found.extend(below(&path)?.into_iter().map(|(_, path)| path));
        }
    }
    found.sort();
    Ok(found)
}

/// What a program says that must end well.
pub(crate) fn said(command: &mut std::process::Command) -> Result<String, Failed> {
    let shown = crate::artefact::show(command);
    let done = command
        .output()
        .map_err(|error| Failed::new(format!("cannot run {shown}: {error}")))?;
    if !done.status.success() {
        let why = String::from_utf8_lossy(&done.stderr);
        return Err(Failed::new(format!("{shown}: {}\n{why}", done.status)));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime(house: &House) -> Runtime {
        Runtime {
            name: "a runtime".to_owned(),
            version: "1".to_owned(),
            licence: "MIT".to_owned(),
            texts: vec![house.root.join("LICENSE-MIT")],
        }
    }

    #[test]
    fn the_bill_names_every_package_and_what_it_uses() {
        let house = House::find().expect("a house");
        for platform in [crate::artefact::LINUX, crate::artefact::WINDOWS] {
            let packages = Packages::of(&house, platform).expect("packages");
            let time = Timestamp::UNIX_EPOCH;
            let tools = [("rustc".to_owned(), "1.0.0".to_owned())];
            let bill = packages
                .bill(&[runtime(&house)], &tools, platform, time)
                .expect("a bill");
            assert_eq!(
                bill,
                packages
                    .bill(&[runtime(&house)], &tools, platform, time)
                    .expect("a bill")
            );
            let bill: Value = serde_json::from_str(&bill).expect("JSON");
            let components = bill["components"].as_array().expect("components");
            let refs: BTreeSet<&str> = components
                .iter()
                .chain([&bill["metadata"]["component"]])
                .map(|component| component["bom-ref"].as_str().expect("a reference"))
                .collect();
            assert_eq!(refs.len(), components.len() + 1, "each stands there once");
            assert!(
                refs.iter()
                    .any(|name| name.starts_with("pkg:cargo/aws-lc-sys@")),
                "{refs:?}"
            );
            // It writes code for the compiler, and is in no file that ships.
            assert!(
                !refs.iter().any(|name| name.starts_with("pkg:cargo/syn@")),
                "{refs:?}"
            );
            for component in components {
                let licence = component["licenses"][0]["expression"].as_str();
                assert!(
                    licence.is_some_and(|licence| !licence.is_empty()),
                    "{component}"
                );
            }
            let mut edges = 0;
            for entry in bill["dependencies"].as_array().expect("dependencies") {
                assert!(
                    refs.contains(entry["ref"].as_str().expect("a reference")),
                    "{entry}"
                );
                for used in entry["dependsOn"].as_array().expect("a list") {
                    assert!(refs.contains(used.as_str().expect("a reference")), "{used}");
                    edges += 1;
                }
            }
            assert!(edges > components.len(), "{edges} edges");
        }
    }

    #[test]
    fn every_package_brings_its_licence() {
        let house = House::find().expect("a house");
        let packages = Packages::of(&house, crate::artefact::WINDOWS).expect("packages");
        let mut contents = Contents::default();
        packages
            .licences(&[runtime(&house)], &mut contents)
            .expect("licences");
        let files: BTreeMap<_, _> = contents.files().collect();
        let page = String::from_utf8_lossy(files["licences/README.md"]);
        for foreign in packages.0.values().filter(|package| package.is_foreign) {
            let row = format!("| {} | {} | ", foreign.name, foreign.version);
            let row = page
                .lines()
                .find(|line| line.starts_with(&row))
                .expect("a row");
            let (_, links) = row.rsplit_once(" | ").expect("texts");
            let texts = links.split("](").skip(1).map(|link| {
                let (place, _) = link.split_once(')').expect("a link");
                files[format!("licences/{place}").as_str()].len()
            });
            // Some have a short one, which says where the long ones are.
            assert!(texts.max() > Some(500), "{row}");
        }
        assert!(page.contains("| a runtime | 1 | MIT | "), "{page}");

        let bare = Runtime {
            texts: Vec::new(),
            ..runtime(&house)
        };
        let refused = packages.licences(&[bare], &mut Contents::default());
        assert!(refused.is_err(), "what brings no licence does not ship");
    }
}
