//! Makes the two generated files from the `.proto` files.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use prost_build::Module;
use protox::prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind, MessageDescriptor};

const HEADER: &str =
    "// Generated from the .proto files by `cargo run -p smoltel-proto --example generate`.\n";

/// The generated files: path within the crate, and text.
pub(crate) fn generate() -> Vec<(PathBuf, String)> {
    let pool = compile(&crate_dir().join("proto"));
    vec![
        (PathBuf::from("src/generated/table.rs"), table(&pool)),
        (PathBuf::from("src/generated/types.rs"), types(&pool)),
    ]
}

/// Where this crate is.
pub(crate) fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compiles every `.proto` file under `root`.
pub(crate) fn compile(root: &Path) -> DescriptorPool {
    let mut files = Vec::new();
    find(root, &mut files);
    files.sort();
    let mut compiler = protox::Compiler::new([root]).expect("the folder is there");
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(files).expect("the .proto files compile");
    compiler.descriptor_pool()
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder to read") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
}

fn types(pool: &DescriptorPool) -> String {
    let requests = pool
        .file_descriptor_protos()
        .map(|file| (Module::from_protobuf_package_name(file.package()), file.clone()))
        .collect();
    let mut config = prost_build::Config::new();
    config.compile_well_known_types();
    let modules = config.generate(requests).expect("prost-build takes the descriptors");
    let sorted: BTreeMap<Vec<String>, String> = modules
        .into_iter()
        .map(|(module, text)| (module.parts().map(String::from).collect(), text))
        .collect();
    let mut out = String::from(HEADER);
    let mut open: Vec<String> = Vec::new();
    for (parts, text) in sorted {
        let shared = open.iter().zip(&parts).take_while(|(a, b)| a == b).count();
        out.push_str(&"}\n".repeat(open.len() - shared));
        for part in &parts[shared..] {
            writeln!(out, "pub mod {part} {{").expect("a String takes all");
        }
        out.push_str(&text);
        open = parts;
    }
    out.push_str(&"}\n".repeat(open.len()));
    out
}

fn table(pool: &DescriptorPool) -> String {
    let mut out = String::from(HEADER);
    out.push_str("use crate::table::{Cardinality::*, Field, Form, Kind::*, Message};\n\n");
    let messages: Vec<_> = pool.all_messages().collect();
    let largest = messages.iter().flat_map(MessageDescriptor::fields).map(|field| field.number()).max();
    let largest = largest.expect("there are fields");
    writeln!(out, "/// No field has a larger number.\npub(crate) const LARGEST_NUMBER: usize = {largest};")
        .expect("a String takes all");
    for message in &messages {
        write_message(&mut out, message).expect("a String takes all");
    }
    out
}

fn write_message(out: &mut String, message: &MessageDescriptor) -> std::fmt::Result {
    let name = message.full_name();
    assert!(real_oneofs(message) <= 1, "{name} has more than one oneof: the transcoder keeps track of one");
    let form = match name {
        "google.protobuf.Any" => "Any",
        "google.protobuf.Duration" => "Duration",
        _ => "Fields",
    };
    let item =
        matches!(message.name(), "Span" | "LogRecord" | "Profile") || message.name().ends_with("DataPoint");
    writeln!(out, "\n/// `{name}`")?;
    writeln!(out, "pub static {}: Message = Message {{", static_name(message))?;
    writeln!(out, "    name: \"{name}\", form: Form::{form}, item: {item}, by_number: &[")?;
    let fields: BTreeMap<u32, FieldDescriptor> =
        message.fields().map(|field| (field.number(), field)).collect();
    for number in 1..=fields.keys().max().copied().unwrap_or(0) {
        match fields.get(&number) {
            None => writeln!(out, "        None,")?,
            Some(field) => {
                let (json_name, kind, cardinality) = (field.json_name(), kind(field), cardinality(field));
                writeln!(out, "        Some(Field::new({number}, \"{json_name}\", {kind}, {cardinality})),")?;
            }
        }
    }
    writeln!(out, "    ],\n}};")
}

fn real_oneofs(message: &MessageDescriptor) -> usize {
    message.oneofs().filter(|oneof| !oneof.is_synthetic()).count()
}

/// The message's path in capitals. A name that `google.rpc` has too gets its signal in front.
fn static_name(message: &MessageDescriptor) -> String {
    let package = message.package_name();
    let path = &message.full_name()[package.len() + 1..];
    let mut name = String::new();
    for (index, c) in path.replace('.', "").char_indices() {
        if c.is_uppercase() && index > 0 {
            name.push('_');
        }
        name.push(c.to_ascii_uppercase());
    }
    let taken = message.parent_pool().get_message_by_name(&format!("google.rpc.{path}")).is_some();
    match package.split('.').nth(2) {
        Some(signal) if taken => format!("{}_{name}", signal.to_uppercase()),
        _ => name,
    }
}

fn kind(field: &FieldDescriptor) -> String {
    let is_id = matches!(field.name(), "trace_id" | "span_id" | "parent_span_id");
    String::from(match field.kind() {
        Kind::Bool => "Bool",
        Kind::Int32 => "Int32",
        Kind::Int64 => "Int64",
        Kind::Uint32 => "Uint32",
        Kind::Uint64 => "Uint64",
        Kind::Sint32 => "Sint32",
        Kind::Enum(_) => "Enum",
        Kind::Fixed32 => "Fixed32",
        Kind::Fixed64 => "Fixed64",
        Kind::Sfixed64 => "Sfixed64",
        Kind::Double => "Double",
        Kind::String => "String",
        Kind::Bytes if is_id => "Id",
        Kind::Bytes => "Bytes",
        Kind::Message(message) => return format!("Message(&{})", static_name(&message)),
        other => panic!("{} is a {other:?}: add it to table::Kind and the transcoder", field.full_name()),
    })
}

fn cardinality(field: &FieldDescriptor) -> &'static str {
    let oneof = field.containing_oneof().filter(|oneof| !oneof.is_synthetic());
    match field.cardinality() {
        Cardinality::Repeated if field.is_packed() => "Packed",
        Cardinality::Repeated => "Repeated",
        _ if oneof.is_some() => "Oneof",
        _ if field.field_descriptor_proto().proto3_optional() => "Optional",
        _ => "Singular",
    }
}
