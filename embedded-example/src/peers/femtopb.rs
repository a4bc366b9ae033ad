#[allow(clippy::all, deprecated)]
#[derive(Clone, PartialEq, ::femtopb::Message)]
pub struct Span<'a> {
    #[femtopb(bytes, tag = 1)]
    pub trace_id: &'a [u8],
    #[femtopb(bytes, tag = 2)]
    pub span_id: &'a [u8],
    #[femtopb(bytes, tag = 4)]
    pub parent_span_id: &'a [u8],
    #[femtopb(string, tag = 5)]
    pub name: &'a str,
    #[femtopb(int32, tag = 6)]
    pub kind: i32,
    #[femtopb(fixed64, tag = 7)]
    pub start_time_unix_nano: u64,
    #[femtopb(fixed64, tag = 8)]
    pub end_time_unix_nano: u64,
    #[femtopb(message, repeated, tag = 9)]
    pub attributes:
        ::femtopb::repeated::Repeated<'a, KeyValue<'a>, ::femtopb::item_encoding::Message<'a, KeyValue<'a>>>,
    #[femtopb(message, repeated, tag = 11)]
    pub events:
        ::femtopb::repeated::Repeated<'a, Event<'a>, ::femtopb::item_encoding::Message<'a, Event<'a>>>,
    #[femtopb(fixed32, tag = 16)]
    pub flags: u32,
    #[femtopb(unknown_fields)]
    pub unknown_fields: femtopb::UnknownFields<'a>,
}
#[allow(clippy::all, deprecated)]
#[derive(Clone, PartialEq, ::femtopb::Message)]
pub struct Event<'a> {
    #[femtopb(fixed64, tag = 1)]
    pub time_unix_nano: u64,
    #[femtopb(string, tag = 2)]
    pub name: &'a str,
    #[femtopb(message, repeated, tag = 3)]
    pub attributes:
        ::femtopb::repeated::Repeated<'a, KeyValue<'a>, ::femtopb::item_encoding::Message<'a, KeyValue<'a>>>,
    #[femtopb(unknown_fields)]
    pub unknown_fields: femtopb::UnknownFields<'a>,
}
#[allow(clippy::all, deprecated)]
#[derive(Clone, PartialEq, ::femtopb::Message)]
pub struct KeyValue<'a> {
    #[femtopb(string, tag = 1)]
    pub key: &'a str,
    #[femtopb(message, optional, tag = 2)]
    pub value: ::core::option::Option<AnyValue<'a>>,
    #[femtopb(unknown_fields)]
    pub unknown_fields: femtopb::UnknownFields<'a>,
}
#[allow(clippy::all, deprecated)]
#[derive(Clone, PartialEq, ::femtopb::Message)]
pub struct AnyValue<'a> {
    #[femtopb(oneof, tags = [1, 2, 3, 4])]
    pub value: ::core::option::Option<any_value::Value<'a>>,
    #[femtopb(unknown_fields)]
    pub unknown_fields: femtopb::UnknownFields<'a>,
}
#[allow(clippy::all, deprecated)]
/// Nested message and enum types in `AnyValue`.
pub mod any_value {
    #[derive(Clone, PartialEq, ::femtopb::Oneof)]
    #[non_exhaustive]
    pub enum Value<'a> {
        #[femtopb(string, tag = 1)]
        StringValue(&'a str),
        #[femtopb(bool, tag = 2)]
        BoolValue(bool),
        #[femtopb(int64, tag = 3)]
        IntValue(i64),
        #[femtopb(double, tag = 4)]
        DoubleValue(f64),
        #[femtopb(phantom)]
        _Phantom(::core::marker::PhantomData<&'a ()>),
    }
}
