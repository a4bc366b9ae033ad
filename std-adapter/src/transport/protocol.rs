/// How requests are put on the wire. Environment: `OTEL_EXPORTER_OTLP_PROTOCOL`, or `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`
/// and its like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// `http/protobuf`: OTLP/HTTP with binary bodies, on port 4318.
    #[default]
    HttpProtobuf,
    /// `http/json`: OTLP/HTTP with bodies in JSON, for those who take nothing else: they are made of the binary ones.
    #[cfg(feature = "json")]
    HttpJson,
    /// `grpc`: OTLP/gRPC, on port 4317.
    #[cfg(feature = "grpc")]
    Grpc,
}

impl Protocol {
    /// The protocols that are there, by the names that the environment has for them.
    pub(crate) const NAMES: &[(&str, Self)] = &[
        ("http/protobuf", Self::HttpProtobuf),
        #[cfg(feature = "json")]
        ("http/json", Self::HttpJson),
        #[cfg(feature = "grpc")]
        ("grpc", Self::Grpc),
    ];

    /// Whether a signal has a path of its own.
    pub(crate) fn is_http(self) -> bool {
        match self {
            #[cfg(feature = "grpc")]
            Self::Grpc => false,
            _ => true,
        }
    }

    /// The base URL of an endpoint that nobody named.
    pub(crate) fn default_base(self) -> &'static str {
        if self.is_http() { "http://localhost:4318" } else { "http://localhost:4317" }
    }
}
