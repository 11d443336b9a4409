//! The headers as Microsoft's compiler and Clang see them. There is no Microsoft compiler where this runs: libclang (which
//! doxygen brings) plays it, with its target, extensions and type sizes. The C header is read with the few lines that it
//! takes of Microsoft's own headers (tests/msvc/); the C++ header, which needs a whole standard library, with that of GCC.

#![allow(clippy::unwrap_used, clippy::panic)]
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr::null_mut;

const HEADER: &str = include_str!("../include/genesys_cloud_adapter.h");
const WRAPPER: &str = include_str!("../include/genesys_cloud_adapter.hpp");

/// A program that takes both ways to the functions, and gives callbacks.
const HOST: &str = r#"
#include "genesys_cloud_adapter.h"
uint32_t GCA_CALL on_event(void *user, const gca_event *event);
uint32_t GCA_CALL on_event(void *user, const gca_event *event) {
    gca_state state;
    state.size = (uint32_t)sizeof state;
    (void)user;
    return GCA_HAS(event, gap_to_us) && event->held != GCA_FLAG_UNKNOWN && GCA_HAS(&state, topics) ? GCA_TAKEN : GCA_LATER;
}
gca_host fill(gca_host host);
gca_host fill(gca_host host) {
    const gca_api *(GCA_CALL *find)(uint32_t version) = gca_get_api;
    const gca_api *api = find(GCA_ABI_VERSION);
    host.size = (uint32_t)sizeof host;
    host.on_event = on_event;
    host.reserved = gca_abi_version() + api->abi_version();
    return host;
}
"#;

const MSVC: [&str; 5] = [
    "--target=x86_64-pc-windows-msvc",
    "-fms-extensions",
    "-fms-compatibility",
    "-fms-compatibility-version=19.29",
    "-nostdinc",
];
/// Every warning that Clang has, but for those that say that this is no C++98 and that C's casts are old.
const ALL_WARNINGS: [&str; 4] = [
    "-Weverything",
    "-Wno-old-style-cast",
    "-Wno-c++98-compat",
    "-Wno-c++98-compat-pedantic",
];
/// Functions without a calling convention get another one, as with `/Gv`.
const VECTORCALL: [&str; 2] = ["-Xclang", "-fdefault-calling-conv=vectorcall"];

#[test]
fn msvc_and_clang_take_the_c_header_without_a_word() {
    let clang = Clang::load();
    let gcc = gcc_includes();
    let gcc: Vec<&str> = gcc.iter().map(String::as_str).collect();
    for (standard, name) in [
        ("-std=c99", "host.c"),
        ("-std=c11", "host.c"),
        ("-std=c17", "host.c"),
        ("-std=c++17", "host.cpp"),
        ("-std=c++20", "host.cpp"),
    ] {
        let said = clang.read(name, HOST, &[&MSVC, &ALL_WARNINGS[..], &[standard]]);
        assert_eq!(said, "", "as MSVC, {standard}");
        let said = clang.read(name, HOST, &[&gcc, &ALL_WARNINGS[..], &[standard]]);
        assert_eq!(said, "", "as Clang on Linux, {standard}");
    }
}

#[test]
fn calling_convention_and_packing_hold_whatever_the_host_is_compiled_with() {
    let clang = Clang::load();
    for name in ["host.c", "host.cpp"] {
        let said = clang.read(name, HOST, &[&MSVC, &VECTORCALL]);
        assert_eq!(said, "", "{name} with another calling convention");
    }
    // So it was the header's doing.
    let bare = HOST.replace("GCA_CALL ", "");
    let said = clang.read("host.cpp", &bare, &[&MSVC, &VECTORCALL]);
    assert!(
        said.contains("error: assigning to") && said.contains("vectorcall"),
        "{said}"
    );

    let packed = ["-fpack-struct=1", "-std=c++17", "-Wno-pragma-pack", "-xc++"];
    let aligned = "\nstatic_assert(alignof(gca_event) == 8, \"packed\");\n";
    let said = clang.read("host.cpp", &(HOST.to_owned() + aligned), &[&MSVC, &packed]);
    assert_eq!(said, "", "packed");
    let loose = HEADER.replace("#pragma pack(", "#pragma GCC nothing(") + aligned;
    let said = clang.read("loose.h", &loose, &[&MSVC, &packed]);
    assert!(
        said.contains("error: ") && said.contains("packed"),
        "{said}"
    );
}

#[test]
fn functions_are_imported_unless_the_program_stands_in_for_the_library() {
    let clang = Clang::load();
    let own = "#include \"genesys_cloud_adapter.h\"\nuint32_t GCA_CALL gca_abi_version(void) { return 1; }\n";
    let said = clang.read("own.c", own, &[&MSVC]);
    assert!(
        said.contains("redeclared without 'dllimport' attribute"),
        "{said}"
    );
    assert_eq!(clang.read("own.c", own, &[&MSVC, &["-DGCA_API="]]), "");
}

#[test]
fn another_layout_than_the_librarys_does_not_compile() {
    let clang = Clang::load();
    let grown = HEADER.replace("    uint64_t gap_id;\n", "    uint64_t gap_id, gap_of;\n");
    assert_ne!(grown, HEADER);
    for standard in ["-std=c99", "-std=c11", "-std=c++17"] {
        let language = if standard.contains("++") { "c++" } else { "c" };
        let said = clang.read("grown.h", &grown, &[&MSVC, &["-x", language, standard]]);
        assert!(
            said.contains("error: ") && said.contains("gca_event"),
            "{standard}: {said}"
        );
        assert_eq!(
            said.matches("error: ").count(),
            1,
            "{standard}: nothing else is wrong: {said}"
        );
    }
    // There is no library for 32 bits.
    let mut narrow = MSVC;
    narrow[0] = "--target=i686-pc-windows-msvc";
    let said = clang.read("host.c", HOST, &[&narrow]);
    assert!(
        said.contains("another layout of pointer than the library's"),
        "{said}"
    );
}

#[test]
fn msvc_and_clang_take_the_cpp_header() {
    let clang = Clang::load();
    let gcc = gcc_includes();
    let gcc: Vec<&str> = gcc.iter().map(String::as_str).collect();
    let strict = ["-Wall", "-Wextra", "-Wpedantic", "-Wnon-virtual-dtor"];
    let said = clang.read(
        "wrapper.cpp",
        WRAPPER_ALONE,
        &[&strict, &gcc, &["-std=c++17"]],
    );
    assert_eq!(said, "", "as Clang on Linux");

    // GCC's library is for GCC's machine, so its types are this one's; language and system are Microsoft's.
    let atomics: Vec<String> = [
        "BOOL", "CHAR", "CHAR8_T", "CHAR16_T", "CHAR32_T", "WCHAR_T", "SHORT", "INT", "LONG",
        "LLONG", "POINTER",
    ]
    .iter()
    .map(|of| format!("-D__GCC_ATOMIC_{of}_LOCK_FREE=2"))
    .collect();
    let atomics: Vec<&str> = atomics.iter().map(String::as_str).collect();
    let microsoft = [
        "-D_WIN32",
        "-D__STRICT_ANSI__",
        "-D__GCC_ATOMIC_TEST_AND_SET_TRUEVAL=1",
        "-fms-extensions",
        "-fms-compatibility",
        "-fms-compatibility-version=19.29",
        "-fdelayed-template-parsing",
        "-Wno-ignored-attributes", // what only Windows has stands there, and means nothing to this machine
        "-std=c++17",
    ];
    let said = clang.read(
        "wrapper.cpp",
        WRAPPER_ALONE,
        &[&strict, &gcc, &atomics, &microsoft],
    );
    assert_eq!(said, "", "with Microsoft's extensions");
}

const WRAPPER_ALONE: &str = r#"
#include "genesys_cloud_adapter.hpp"
class Recorder final : public gca::Sink {
    gca::Answer on_event(const gca::Event& event) override {
        return event.held() && event.json().empty() ? gca::Answer::Later : gca::Answer::Taken;
    }
};
bool follow(const char* file);
bool follow(const char* file) {
    gca::Adapter adapter(gca::Library::load(file), std::make_shared<Recorder>());
    adapter.configure("{}");
    adapter.start();
    return adapter.stop(std::chrono::seconds(10));
}
"#;

#[test]
fn msvc_takes_the_loader_that_the_page_shows() {
    let page = include_str!("../docs/INSTALL.md");
    let (_, rest) = page.split_once("```c\n").unwrap();
    let (loader, _) = rest.split_once("```\n").unwrap();
    let strict = ["-Wall", "-Wextra", "-Wpedantic"];
    let said = Clang::load().read("loader.c", loader, &[&MSVC, &strict, &VECTORCALL[..]]);
    assert_eq!(said, "");
}

/// A compiler reads a file without a byte order mark in the code page of the machine: only these letters are in all.
#[test]
fn the_headers_are_plain_ascii() {
    for (name, text) in [("the C header", HEADER), ("the C++ header", WRAPPER)] {
        let other = text.lines().find(|line| !line.is_ascii());
        assert_eq!(other, None, "{name}");
    }
}

/// Where GCC has the headers of its library and of the system.
fn gcc_includes() -> Vec<String> {
    let asked = Command::new("g++")
        .args(["-E", "-v", "-x", "c++", "/dev/null"])
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let said = String::from_utf8(asked.stderr).unwrap();
    let places: Vec<String> = said
        .lines()
        .skip_while(|line| !line.starts_with("#include <...>"))
        .skip(1)
        .take_while(|line| line.starts_with(' '))
        .flat_map(|line| ["-isystem".to_owned(), line.trim().to_owned()])
        .collect();
    assert!(places.len() > 4, "{said}");
    places
}

/// libclang's C interface, as far as it is needed here: reads a source and says what a compiler would.
struct Clang {
    library: libloading::Library,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Text {
    data: *const c_void,
    flags: c_uint,
}

#[repr(C)]
struct Unsaved {
    name: *const c_char,
    content: *const c_char,
    length: std::ffi::c_ulong,
}

type Parse = unsafe extern "C" fn(
    index: *mut c_void,
    name: *const c_char,
    arguments: *const *const c_char,
    argument_count: c_int,
    unsaved: *mut Unsaved,
    unsaved_count: c_uint,
    options: c_uint,
    unit: *mut *mut c_void,
) -> c_int;

impl Clang {
    fn load() -> Self {
        let file = places().into_iter().next().unwrap_or_else(|| {
            panic!(
                "there is no libclang; `cargo xtask test` installs doxygen, which brings it, or: apt-get install doxygen"
            )
        });
        // SAFETY: libclang does nothing when it is loaded.
        let library = unsafe { libloading::Library::new(&file) }.unwrap();
        Self { library }
    }

    /// Reads `source` under that name, beside the headers, and returns errors and warnings, one a line.
    fn read(&self, name: &str, source: &str, arguments: &[&[&str]]) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let microsoft = format!("-isystem{}", root.join("tests/msvc").display());
        let own = format!("-I{}", root.join("include").display());
        let mut words: Vec<CString> = [&*microsoft, &*own]
            .into_iter()
            .chain(arguments.iter().copied().flatten().copied())
            .map(|word| CString::new(word).unwrap())
            .collect();
        // Those of the standard library come first where there is one.
        if arguments.iter().any(|part| part.contains(&"-isystem")) {
            words[0] =
                CString::new(format!("-idirafter{}", root.join("tests/msvc").display())).unwrap();
        }
        let words: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
        let name = CString::new(name).unwrap();
        let mut unsaved = Unsaved {
            name: name.as_ptr(),
            content: source.as_ptr().cast(),
            length: source.len().try_into().unwrap(),
        };
        let mut said = Vec::new();
        // SAFETY: the functions are called as clang-c/Index.h declares them; what they are given lives until they return,
        // and what they made is disposed of once, after its last use.
        unsafe {
            let index =
                self.call::<unsafe extern "C" fn(c_int, c_int) -> *mut c_void>("createIndex")(0, 0);
            let mut unit = null_mut();
            let failed = self.call::<Parse>("parseTranslationUnit2")(
                index,
                name.as_ptr(),
                words.as_ptr(),
                words.len().try_into().unwrap(),
                &raw mut unsaved,
                1,
                0,
                &raw mut unit,
            );
            assert_eq!(failed, 0, "libclang could not read {name:?}");
            let count =
                self.call::<unsafe extern "C" fn(*mut c_void) -> c_uint>("getNumDiagnostics")(unit);
            for at in 0..count {
                let diagnostic = self
                    .call::<unsafe extern "C" fn(*mut c_void, c_uint) -> *mut c_void>(
                        "getDiagnostic",
                    )(unit, at);
                let text = self
                    .call::<unsafe extern "C" fn(*mut c_void, c_uint) -> Text>("formatDiagnostic")(
                    diagnostic, 1,
                );
                let words =
                    self.call::<unsafe extern "C" fn(Text) -> *const c_char>("getCString")(text);
                said.push(CStr::from_ptr(words).to_string_lossy().into_owned());
                self.call::<unsafe extern "C" fn(Text)>("disposeString")(text);
                self.call::<unsafe extern "C" fn(*mut c_void)>("disposeDiagnostic")(diagnostic);
            }
            self.call::<unsafe extern "C" fn(*mut c_void)>("disposeTranslationUnit")(unit);
            self.call::<unsafe extern "C" fn(*mut c_void)>("disposeIndex")(index);
        }
        said.join("\n")
    }

    /// SAFETY of its callers: `F` is the type that clang-c/Index.h gives the function.
    unsafe fn call<F: Copy>(&self, name: &str) -> F {
        // SAFETY: the caller's promise.
        *unsafe { self.library.get(format!("clang_{name}").as_bytes()) }.unwrap()
    }
}

/// Where distributions put libclang.
fn places() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = ["/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib64"]
        .into_iter()
        .flat_map(|place| std::fs::read_dir(place).into_iter().flatten().flatten())
        .map(|entry| entry.path())
        .flat_map(|path| {
            let llvm = path.join("lib/libclang.so.1");
            [path, llvm]
        })
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| {
                name.starts_with("libclang.so")
                    || (name.starts_with("libclang-")
                        && name.contains(".so")
                        && !name.contains("cpp"))
            }) && path.is_file()
        })
        .collect();
    found.sort();
    found
}
