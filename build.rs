//! Generates the C header, and tells the linker what each platform wants: on Linux that the library is never unloaded, and
//! its name; on Windows who it is.
//!
//! The header is written to `OUT_DIR`, and to `include/` unless `GCA_HEADER=check` is set (then a test compares the
//! two). `include/` is left alone if nothing changed, and where it cannot be written, as in a packaged source.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What the header shows, in its order.
const SOURCES: [&str; 4] = [
    "src/ffi/abi.rs",
    "src/ffi/api.rs",
    "src/ffi/adapter.rs",
    "src/ffi/event.rs",
];
const TOP: &str = "src/ffi/header.h";
const END: &str = "src/ffi/footer.h";
const NAME: &str = "genesys_cloud_adapter.h";

/// As Windows numbers the languages: of the United States.
const ENGLISH: u16 = 0x0409;

fn main() -> Result<(), Box<dyn Error>> {
    for file in SOURCES.into_iter().chain([TOP, END, "cbindgen.toml"]) {
        println!("cargo:rerun-if-changed={file}");
    }
    println!("cargo:rerun-if-changed=include/{NAME}");
    println!("cargo:rerun-if-env-changed=GCA_HEADER");

    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let header = header(&root)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join(NAME), &header)?;
    let committed = root.join("include").join(NAME);
    let check_only = env::var("GCA_HEADER").is_ok_and(|what| what == "check");
    if !check_only
        && fs::read_to_string(&committed).ok().as_deref() != Some(&header)
        && let Err(error) =
            fs::create_dir_all(root.join("include")).and_then(|()| fs::write(&committed, &header))
    {
        println!("cargo:warning=include/{NAME} was not updated: {error}");
    }

    match env::var("CARGO_CFG_TARGET_OS")?.as_str() {
        "linux" => linux(),
        "windows" => windows()?,
        _ => {}
    }
    Ok(())
}

fn linux() {
    // A thread of the host that once called in runs code of this library when it ends, also after dlclose.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    // What a host that links it asks for at its start, wherever the file lay when it was built.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libgenesys_cloud_adapter.so");
    // By which a debugger knows the file with the debug information.
    println!("cargo:rustc-cdylib-link-arg=-Wl,--build-id=sha1");
}

/// What Windows shows of a file, in its properties and in a crash dump; and that the same sources make the same bytes.
fn windows() -> Result<(), Box<dyn Error>> {
    const FILE_TYPE_DLL: u64 = 2;

    if env::var("CARGO_CFG_TARGET_ENV")? == "gnu" {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--no-insert-timestamp");
    }
    let mut resource = winresource::WindowsResource::new();
    resource
        .set(
            "FileDescription",
            "Telephony of a Genesys Cloud CX region for call recorders",
        )
        .set("InternalName", "genesys_cloud_adapter")
        .set("OriginalFilename", "genesys_cloud_adapter.dll")
        .set("CompanyName", "The genesys-cloud-adapter developers")
        .set(
            "LegalCopyright",
            "Copyright 2026 The genesys-cloud-adapter developers; MIT OR Apache-2.0",
        )
        .set_version_info(winresource::VersionInfo::FILETYPE, FILE_TYPE_DLL)
        .set_language(ENGLISH);
    resource.compile()?;
    Ok(())
}

fn header(root: &Path) -> Result<String, Box<dyn Error>> {
    let mut config = cbindgen::Config::from_file(root.join("cbindgen.toml"))?;
    let part = |name: &str| env::var(format!("CARGO_PKG_VERSION_{name}"));
    config.header = Some(
        fs::read_to_string(root.join(TOP))?
            .replace("@VERSION@", &env::var("CARGO_PKG_VERSION")?)
            .replace("@MAJOR@", &part("MAJOR")?)
            .replace("@MINOR@", &part("MINOR")?)
            .replace("@PATCH@", &part("PATCH")?),
    );
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(root.join(source));
    }
    let mut text = Vec::new();
    builder.generate()?.write(&mut text);
    let end = fs::read_to_string(root.join(END))?;
    Ok(with_calling_convention(&String::from_utf8(text)?) + "\n" + &end)
}

/// cbindgen knows no calling convention, which stands between a type and a name: of a function, and in the parentheses of
/// a pointer to one. What is to stand before a function it writes on a line of its own.
fn with_calling_convention(text: &str) -> String {
    const API: &str = "GCA_API ";
    const CALL: &str = "GCA_CALL ";
    let mut out = String::new();
    let (mut is_function, mut in_arguments) = (false, false);
    for line in text.lines() {
        if line == API.trim_end() {
            is_function = true;
            continue;
        }
        // A short one it leaves on its line.
        let whole = line.strip_prefix(API);
        is_function |= whole.is_some();
        let line = whole.unwrap_or(line);
        let name = line
            .find('(')
            .and_then(|open| line[..open].rfind([' ', '*']));
        if let Some(name) = name.filter(|_| is_function) {
            out.extend([API, &line[..=name], CALL, &line[name + 1..]]);
            in_arguments = true;
        } else if in_arguments {
            // They stand below each other.
            out.extend([&" ".repeat(API.len() + CALL.len()), line]);
        } else if line.trim_start().starts_with(['*', '/']) {
            out += line;
        } else {
            out += &line.replace("(*", &format!("({CALL}*"));
        }
        is_function = false;
        in_arguments &= !line.ends_with(");");
        out.push('\n');
    }
    out
}
