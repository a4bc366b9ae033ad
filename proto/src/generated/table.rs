// Generated from the .proto files by `cargo run -p smoltel-proto --example generate`.
use crate::table::{Cardinality::*, Field, Form, Kind::*, Message};

/// No field has a larger number.
pub(crate) const LARGEST_NUMBER: usize = 16;

/// `google.protobuf.Any`
pub static ANY: Message = Message {
    name: "google.protobuf.Any", form: Form::Any, item: false, by_number: &[
        Some(Field::new(1, "typeUrl", String, Singular)),
        Some(Field::new(2, "value", Bytes, Singular)),
    ],
};

/// `google.protobuf.Duration`
pub static DURATION: Message = Message {
    name: "google.protobuf.Duration", form: Form::Duration, item: false, by_number: &[
        Some(Field::new(1, "seconds", Int64, Singular)),
        Some(Field::new(2, "nanos", Int32, Singular)),
    ],
};

/// `google.rpc.RetryInfo`
pub static RETRY_INFO: Message = Message {
    name: "google.rpc.RetryInfo", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "retryDelay", Message(&DURATION), Singular)),
    ],
};

/// `google.rpc.BadRequest`
pub static BAD_REQUEST: Message = Message {
    name: "google.rpc.BadRequest", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "fieldViolations", Message(&BAD_REQUEST_FIELD_VIOLATION), Repeated)),
    ],
};

/// `google.rpc.BadRequest.FieldViolation`
pub static BAD_REQUEST_FIELD_VIOLATION: Message = Message {
    name: "google.rpc.BadRequest.FieldViolation", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "field", String, Singular)),
        Some(Field::new(2, "description", String, Singular)),
        Some(Field::new(3, "reason", String, Singular)),
        Some(Field::new(4, "localizedMessage", Message(&LOCALIZED_MESSAGE), Singular)),
    ],
};

/// `google.rpc.LocalizedMessage`
pub static LOCALIZED_MESSAGE: Message = Message {
    name: "google.rpc.LocalizedMessage", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "locale", String, Singular)),
        Some(Field::new(2, "message", String, Singular)),
    ],
};

/// `google.rpc.Status`
pub static STATUS: Message = Message {
    name: "google.rpc.Status", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "code", Int32, Singular)),
        Some(Field::new(2, "message", String, Singular)),
        Some(Field::new(3, "details", Message(&ANY), Repeated)),
    ],
};

/// `opentelemetry.proto.common.v1.AnyValue`
pub static ANY_VALUE: Message = Message {
    name: "opentelemetry.proto.common.v1.AnyValue", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "stringValue", String, Oneof)),
        Some(Field::new(2, "boolValue", Bool, Oneof)),
        Some(Field::new(3, "intValue", Int64, Oneof)),
        Some(Field::new(4, "doubleValue", Double, Oneof)),
        Some(Field::new(5, "arrayValue", Message(&ARRAY_VALUE), Oneof)),
        Some(Field::new(6, "kvlistValue", Message(&KEY_VALUE_LIST), Oneof)),
        Some(Field::new(7, "bytesValue", Bytes, Oneof)),
        Some(Field::new(8, "stringValueStrindex", Int32, Oneof)),
    ],
};

/// `opentelemetry.proto.common.v1.ArrayValue`
pub static ARRAY_VALUE: Message = Message {
    name: "opentelemetry.proto.common.v1.ArrayValue", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "values", Message(&ANY_VALUE), Repeated)),
    ],
};

/// `opentelemetry.proto.common.v1.KeyValueList`
pub static KEY_VALUE_LIST: Message = Message {
    name: "opentelemetry.proto.common.v1.KeyValueList", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "values", Message(&KEY_VALUE), Repeated)),
    ],
};

/// `opentelemetry.proto.common.v1.KeyValue`
pub static KEY_VALUE: Message = Message {
    name: "opentelemetry.proto.common.v1.KeyValue", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "key", String, Singular)),
        Some(Field::new(2, "value", Message(&ANY_VALUE), Singular)),
        Some(Field::new(3, "keyStrindex", Int32, Singular)),
    ],
};

/// `opentelemetry.proto.common.v1.InstrumentationScope`
pub static INSTRUMENTATION_SCOPE: Message = Message {
    name: "opentelemetry.proto.common.v1.InstrumentationScope", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "name", String, Singular)),
        Some(Field::new(2, "version", String, Singular)),
        Some(Field::new(3, "attributes", Message(&KEY_VALUE), Repeated)),
        Some(Field::new(4, "droppedAttributesCount", Uint32, Singular)),
    ],
};

/// `opentelemetry.proto.common.v1.EntityRef`
pub static ENTITY_REF: Message = Message {
    name: "opentelemetry.proto.common.v1.EntityRef", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "schemaUrl", String, Singular)),
        Some(Field::new(2, "type", String, Singular)),
        Some(Field::new(3, "idKeys", String, Repeated)),
        Some(Field::new(4, "descriptionKeys", String, Repeated)),
    ],
};

/// `opentelemetry.proto.resource.v1.Resource`
pub static RESOURCE: Message = Message {
    name: "opentelemetry.proto.resource.v1.Resource", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "attributes", Message(&KEY_VALUE), Repeated)),
        Some(Field::new(2, "droppedAttributesCount", Uint32, Singular)),
        Some(Field::new(3, "entityRefs", Message(&ENTITY_REF), Repeated)),
    ],
};

/// `opentelemetry.proto.logs.v1.LogsData`
pub static LOGS_DATA: Message = Message {
    name: "opentelemetry.proto.logs.v1.LogsData", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resourceLogs", Message(&RESOURCE_LOGS), Repeated)),
    ],
};

/// `opentelemetry.proto.logs.v1.ResourceLogs`
pub static RESOURCE_LOGS: Message = Message {
    name: "opentelemetry.proto.logs.v1.ResourceLogs", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resource", Message(&RESOURCE), Singular)),
        Some(Field::new(2, "scopeLogs", Message(&SCOPE_LOGS), Repeated)),
        Some(Field::new(3, "schemaUrl", String, Singular)),
    ],
};

/// `opentelemetry.proto.logs.v1.ScopeLogs`
pub static SCOPE_LOGS: Message = Message {
    name: "opentelemetry.proto.logs.v1.ScopeLogs", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "scope", Message(&INSTRUMENTATION_SCOPE), Singular)),
        Some(Field::new(2, "logRecords", Message(&LOG_RECORD), Repeated)),
        Some(Field::new(3, "schemaUrl", String, Singular)),
    ],
};

/// `opentelemetry.proto.logs.v1.LogRecord`
pub static LOG_RECORD: Message = Message {
    name: "opentelemetry.proto.logs.v1.LogRecord", form: Form::Fields, item: true, by_number: &[
        Some(Field::new(1, "timeUnixNano", Fixed64, Singular)),
        Some(Field::new(2, "severityNumber", Enum, Singular)),
        Some(Field::new(3, "severityText", String, Singular)),
        None,
        Some(Field::new(5, "body", Message(&ANY_VALUE), Singular)),
        Some(Field::new(6, "attributes", Message(&KEY_VALUE), Repeated)),
        Some(Field::new(7, "droppedAttributesCount", Uint32, Singular)),
        Some(Field::new(8, "flags", Fixed32, Singular)),
        Some(Field::new(9, "traceId", Id, Singular)),
        Some(Field::new(10, "spanId", Id, Singular)),
        Some(Field::new(11, "observedTimeUnixNano", Fixed64, Singular)),
        Some(Field::new(12, "eventName", String, Singular)),
    ],
};

/// `opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest`
pub static EXPORT_LOGS_SERVICE_REQUEST: Message = Message {
    name: "opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resourceLogs", Message(&RESOURCE_LOGS), Repeated)),
    ],
};

/// `opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse`
pub static EXPORT_LOGS_SERVICE_RESPONSE: Message = Message {
    name: "opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "partialSuccess", Message(&EXPORT_LOGS_PARTIAL_SUCCESS), Singular)),
    ],
};

/// `opentelemetry.proto.collector.logs.v1.ExportLogsPartialSuccess`
pub static EXPORT_LOGS_PARTIAL_SUCCESS: Message = Message {
    name: "opentelemetry.proto.collector.logs.v1.ExportLogsPartialSuccess", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "rejectedLogRecords", Int64, Singular)),
        Some(Field::new(2, "errorMessage", String, Singular)),
    ],
};

/// `opentelemetry.proto.metrics.v1.MetricsData`
pub static METRICS_DATA: Message = Message {
    name: "opentelemetry.proto.metrics.v1.MetricsData", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resourceMetrics", Message(&RESOURCE_METRICS), Repeated)),
    ],
};

/// `opentelemetry.proto.metrics.v1.ResourceMetrics`
pub static RESOURCE_METRICS: Message = Message {
    name: "opentelemetry.proto.metrics.v1.ResourceMetrics", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resource", Message(&RESOURCE), Singular)),
        Some(Field::new(2, "scopeMetrics", Message(&SCOPE_METRICS), Repeated)),
        Some(Field::new(3, "schemaUrl", String, Singular)),
    ],
};

/// `opentelemetry.proto.metrics.v1.ScopeMetrics`
pub static SCOPE_METRICS: Message = Message {
    name: "opentelemetry.proto.metrics.v1.ScopeMetrics", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "scope", Message(&INSTRUMENTATION_SCOPE), Singular)),
        Some(Field::new(2, "metrics", Message(&METRIC), Repeated)),
        Some(Field::new(3, "schemaUrl", String, Singular)),
    ],
};

/// `opentelemetry.proto.metrics.v1.Metric`
pub static METRIC: Message = Message {
    name: "opentelemetry.proto.metrics.v1.Metric", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "name", String, Singular)),
        Some(Field::new(2, "description", String, Singular)),
        Some(Field::new(3, "unit", String, Singular)),
        None,
        Some(Field::new(5, "gauge", Message(&GAUGE), Oneof)),
        None,
        Some(Field::new(7, "sum", Message(&SUM), Oneof)),
        None,
        Some(Field::new(9, "histogram", Message(&HISTOGRAM), Oneof)),
        Some(Field::new(10, "exponentialHistogram", Message(&EXPONENTIAL_HISTOGRAM), Oneof)),
        Some(Field::new(11, "summary", Message(&SUMMARY), Oneof)),
        Some(Field::new(12, "metadata", Message(&KEY_VALUE), Repeated)),
    ],
};

/// `opentelemetry.proto.metrics.v1.Gauge`
pub static GAUGE: Message = Message {
    name: "opentelemetry.proto.metrics.v1.Gauge", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "dataPoints", Message(&NUMBER_DATA_POINT), Repeated)),
    ],
};

/// `opentelemetry.proto.metrics.v1.Sum`
pub static SUM: Message = Message {
    name: "opentelemetry.proto.metrics.v1.Sum", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "dataPoints", Message(&NUMBER_DATA_POINT), Repeated)),
        Some(Field::new(2, "aggregationTemporality", Enum, Singular)),
        Some(Field::new(3, "isMonotonic", Bool, Singular)),
    ],
};

/// `opentelemetry.proto.metrics.v1.Histogram`
pub static HISTOGRAM: Message = Message {
    name: "opentelemetry.proto.metrics.v1.Histogram", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "dataPoints", Message(&HISTOGRAM_DATA_POINT), Repeated)),
        Some(Field::new(2, "aggregationTemporality", Enum, Singular)),
    ],
};

/// `opentelemetry.proto.metrics.v1.ExponentialHistogram`
pub static EXPONENTIAL_HISTOGRAM: Message = Message {
    name: "opentelemetry.proto.metrics.v1.ExponentialHistogram", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "dataPoints", Message(&EXPONENTIAL_HISTOGRAM_DATA_POINT), Repeated)),
        Some(Field::new(2, "aggregationTemporality", Enum, Singular)),
    ],
};

/// `opentelemetry.proto.metrics.v1.Summary`
pub static SUMMARY: Message = Message {
    name: "opentelemetry.proto.metrics.v1.Summary", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "dataPoints", Message(&SUMMARY_DATA_POINT), Repeated)),
    ],
};

/// `opentelemetry.proto.metrics.v1.NumberDataPoint`
pub static NUMBER_DATA_POINT: Message = Message {
    name: "opentelemetry.proto.metrics.v1.NumberDataPoint", form: Form::Fields, item: true, by_number: &[
        None,
        Some(Field::new(2, "startTimeUnixNano", Fixed64, Singular)),
        Some(Field::new(3, "timeUnixNano", Fixed64, Singular)),
        Some(Field::new(4, "asDouble", Double, Oneof)),
        Some(Field::new(5, "exemplars", Message(&EXEMPLAR), Repeated)),
        Some(Field::new(6, "asInt", Sfixed64, Oneof)),
        Some(Field::new(7, "attributes", Message(&KEY_VALUE), Repeated)),
        Some(Field::new(8, "flags", Uint32, Singular)),
    ],
};

/// `opentelemetry.proto.metrics.v1.HistogramDataPoint`
pub static HISTOGRAM_DATA_POINT: Message = Message {
    name: "opentelemetry.proto.metrics.v1.HistogramDataPoint", form: Form::Fields, item: true, by_number: &[
        None,
        Some(Field::new(2, "startTimeUnixNano", Fixed64, Singular)),
        Some(Field::new(3, "timeUnixNano", Fixed64, Singular)),
        Some(Field::new(4, "count", Fixed64, Singular)),
        Some(Field::new(5, "sum", Double, Optional)),
        Some(Field::new(6, "bucketCounts", Fixed64, Packed)),
        Some(Field::new(7, "explicitBounds", Double, Packed)),
        Some(Field::new(8, "exemplars", Message(&EXEMPLAR), Repeated)),
        Some(Field::new(9, "attributes", Message(&KEY_VALUE), Repeated)),
        Some(Field::new(10, "flags", Uint32, Singular)),
        Some(Field::new(11, "min", Double, Optional)),
        Some(Field::new(12, "max", Double, Optional)),
    ],
};

/// `opentelemetry.proto.metrics.v1.ExponentialHistogramDataPoint`
pub static EXPONENTIAL_HISTOGRAM_DATA_POINT: Message = Message {
    name: "opentelemetry.proto.metrics.v1.ExponentialHistogramDataPoint", form: Form::Fields, item: true, by_number: &[
        Some(Field::new(1, "attributes", Message(&KEY_VALUE), Repeated)),
        Some(Field::new(2, "startTimeUnixNano", Fixed64, Singular)),
        Some(Field::new(3, "timeUnixNano", Fixed64, Singular)),
        Some(Field::new(4, "count", Fixed64, Singular)),
        Some(Field::new(5, "sum", Double, Optional)),
        Some(Field::new(6, "scale", Sint32, Singular)),
        Some(Field::new(7, "zeroCount", Fixed64, Singular)),
        Some(Field::new(8, "positive", Message(&EXPONENTIAL_HISTOGRAM_DATA_POINT_BUCKETS), Singular)),
        Some(Field::new(9, "negative", Message(&EXPONENTIAL_HISTOGRAM_DATA_POINT_BUCKETS), Singular)),
        Some(Field::new(10, "flags", Uint32, Singular)),
        Some(Field::new(11, "exemplars", Message(&EXEMPLAR), Repeated)),
        Some(Field::new(12, "min", Double, Optional)),
        Some(Field::new(13, "max", Double, Optional)),
        Some(Field::new(14, "zeroThreshold", Double, Singular)),
    ],
};

/// `opentelemetry.proto.metrics.v1.ExponentialHistogramDataPoint.Buckets`
pub static EXPONENTIAL_HISTOGRAM_DATA_POINT_BUCKETS: Message = Message {
    name: "opentelemetry.proto.metrics.v1.ExponentialHistogramDataPoint.Buckets", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "offset", Sint32, Singular)),
        Some(Field::new(2, "bucketCounts", Uint64, Packed)),
    ],
};

/// `opentelemetry.proto.metrics.v1.SummaryDataPoint`
pub static SUMMARY_DATA_POINT: Message = Message {
    name: "opentelemetry.proto.metrics.v1.SummaryDataPoint", form: Form::Fields, item: true, by_number: &[
        None,
        Some(Field::new(2, "startTimeUnixNano", Fixed64, Singular)),
        Some(Field::new(3, "timeUnixNano", Fixed64, Singular)),
        Some(Field::new(4, "count", Fixed64, Singular)),
        Some(Field::new(5, "sum", Double, Singular)),
        Some(Field::new(6, "quantileValues", Message(&SUMMARY_DATA_POINT_VALUE_AT_QUANTILE), Repeated)),
        Some(Field::new(7, "attributes", Message(&KEY_VALUE), Repeated)),
        Some(Field::new(8, "flags", Uint32, Singular)),
    ],
};

/// `opentelemetry.proto.metrics.v1.SummaryDataPoint.ValueAtQuantile`
pub static SUMMARY_DATA_POINT_VALUE_AT_QUANTILE: Message = Message {
    name: "opentelemetry.proto.metrics.v1.SummaryDataPoint.ValueAtQuantile", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "quantile", Double, Singular)),
        Some(Field::new(2, "value", Double, Singular)),
    ],
};

/// `opentelemetry.proto.metrics.v1.Exemplar`
pub static EXEMPLAR: Message = Message {
    name: "opentelemetry.proto.metrics.v1.Exemplar", form: Form::Fields, item: false, by_number: &[
        None,
        Some(Field::new(2, "timeUnixNano", Fixed64, Singular)),
        Some(Field::new(3, "asDouble", Double, Oneof)),
        Some(Field::new(4, "spanId", Id, Singular)),
        Some(Field::new(5, "traceId", Id, Singular)),
        Some(Field::new(6, "asInt", Sfixed64, Oneof)),
        Some(Field::new(7, "filteredAttributes", Message(&KEY_VALUE), Repeated)),
    ],
};

/// `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest`
pub static EXPORT_METRICS_SERVICE_REQUEST: Message = Message {
    name: "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resourceMetrics", Message(&RESOURCE_METRICS), Repeated)),
    ],
};

/// `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceResponse`
pub static EXPORT_METRICS_SERVICE_RESPONSE: Message = Message {
    name: "opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceResponse", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "partialSuccess", Message(&EXPORT_METRICS_PARTIAL_SUCCESS), Singular)),
    ],
};

/// `opentelemetry.proto.collector.metrics.v1.ExportMetricsPartialSuccess`
pub static EXPORT_METRICS_PARTIAL_SUCCESS: Message = Message {
    name: "opentelemetry.proto.collector.metrics.v1.ExportMetricsPartialSuccess", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "rejectedDataPoints", Int64, Singular)),
        Some(Field::new(2, "errorMessage", String, Singular)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.ProfilesDictionary`
pub static PROFILES_DICTIONARY: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.ProfilesDictionary", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "mappingTable", Message(&MAPPING), Repeated)),
        Some(Field::new(2, "locationTable", Message(&LOCATION), Repeated)),
        Some(Field::new(3, "functionTable", Message(&FUNCTION), Repeated)),
        Some(Field::new(4, "linkTable", Message(&LINK), Repeated)),
        Some(Field::new(5, "stringTable", String, Repeated)),
        Some(Field::new(6, "attributeTable", Message(&KEY_VALUE_AND_UNIT), Repeated)),
        Some(Field::new(7, "stackTable", Message(&STACK), Repeated)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.ProfilesData`
pub static PROFILES_DATA: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.ProfilesData", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resourceProfiles", Message(&RESOURCE_PROFILES), Repeated)),
        Some(Field::new(2, "dictionary", Message(&PROFILES_DICTIONARY), Singular)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.ResourceProfiles`
pub static RESOURCE_PROFILES: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.ResourceProfiles", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resource", Message(&RESOURCE), Singular)),
        Some(Field::new(2, "scopeProfiles", Message(&SCOPE_PROFILES), Repeated)),
        Some(Field::new(3, "schemaUrl", String, Singular)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.ScopeProfiles`
pub static SCOPE_PROFILES: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.ScopeProfiles", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "scope", Message(&INSTRUMENTATION_SCOPE), Singular)),
        Some(Field::new(2, "profiles", Message(&PROFILE), Repeated)),
        Some(Field::new(3, "schemaUrl", String, Singular)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.Profile`
pub static PROFILE: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.Profile", form: Form::Fields, item: true, by_number: &[
        Some(Field::new(1, "sampleType", Message(&VALUE_TYPE), Singular)),
        Some(Field::new(2, "samples", Message(&SAMPLE), Repeated)),
        Some(Field::new(3, "timeUnixNano", Fixed64, Singular)),
        Some(Field::new(4, "durationNano", Uint64, Singular)),
        Some(Field::new(5, "periodType", Message(&VALUE_TYPE), Singular)),
        Some(Field::new(6, "period", Int64, Singular)),
        Some(Field::new(7, "profileId", Bytes, Singular)),
        Some(Field::new(8, "droppedAttributesCount", Uint32, Singular)),
        Some(Field::new(9, "originalPayloadFormat", String, Singular)),
        Some(Field::new(10, "originalPayload", Bytes, Singular)),
        Some(Field::new(11, "attributeIndices", Int32, Packed)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.Link`
pub static LINK: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.Link", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "traceId", Id, Singular)),
        Some(Field::new(2, "spanId", Id, Singular)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.ValueType`
pub static VALUE_TYPE: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.ValueType", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "typeStrindex", Int32, Singular)),
        Some(Field::new(2, "unitStrindex", Int32, Singular)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.Sample`
pub static SAMPLE: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.Sample", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "stackIndex", Int32, Singular)),
        Some(Field::new(2, "attributeIndices", Int32, Packed)),
        Some(Field::new(3, "linkIndex", Int32, Singular)),
        Some(Field::new(4, "values", Int64, Packed)),
        Some(Field::new(5, "timestampsUnixNano", Fixed64, Packed)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.Mapping`
pub static MAPPING: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.Mapping", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "memoryStart", Uint64, Singular)),
        Some(Field::new(2, "memoryLimit", Uint64, Singular)),
        Some(Field::new(3, "fileOffset", Uint64, Singular)),
        Some(Field::new(4, "filenameStrindex", Int32, Singular)),
        Some(Field::new(5, "attributeIndices", Int32, Packed)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.Stack`
pub static STACK: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.Stack", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "locationIndices", Int32, Packed)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.Location`
pub static LOCATION: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.Location", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "mappingIndex", Int32, Singular)),
        Some(Field::new(2, "address", Uint64, Singular)),
        Some(Field::new(3, "lines", Message(&LINE), Repeated)),
        Some(Field::new(4, "attributeIndices", Int32, Packed)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.Line`
pub static LINE: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.Line", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "functionIndex", Int32, Singular)),
        Some(Field::new(2, "line", Int64, Singular)),
        Some(Field::new(3, "column", Int64, Singular)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.Function`
pub static FUNCTION: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.Function", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "nameStrindex", Int32, Singular)),
        Some(Field::new(2, "systemNameStrindex", Int32, Singular)),
        Some(Field::new(3, "filenameStrindex", Int32, Singular)),
        Some(Field::new(4, "startLine", Int64, Singular)),
    ],
};

/// `opentelemetry.proto.profiles.v1development.KeyValueAndUnit`
pub static KEY_VALUE_AND_UNIT: Message = Message {
    name: "opentelemetry.proto.profiles.v1development.KeyValueAndUnit", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "keyStrindex", Int32, Singular)),
        Some(Field::new(2, "value", Message(&ANY_VALUE), Singular)),
        Some(Field::new(3, "unitStrindex", Int32, Singular)),
    ],
};

/// `opentelemetry.proto.collector.profiles.v1development.ExportProfilesServiceRequest`
pub static EXPORT_PROFILES_SERVICE_REQUEST: Message = Message {
    name: "opentelemetry.proto.collector.profiles.v1development.ExportProfilesServiceRequest", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resourceProfiles", Message(&RESOURCE_PROFILES), Repeated)),
        Some(Field::new(2, "dictionary", Message(&PROFILES_DICTIONARY), Singular)),
    ],
};

/// `opentelemetry.proto.collector.profiles.v1development.ExportProfilesServiceResponse`
pub static EXPORT_PROFILES_SERVICE_RESPONSE: Message = Message {
    name: "opentelemetry.proto.collector.profiles.v1development.ExportProfilesServiceResponse", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "partialSuccess", Message(&EXPORT_PROFILES_PARTIAL_SUCCESS), Singular)),
    ],
};

/// `opentelemetry.proto.collector.profiles.v1development.ExportProfilesPartialSuccess`
pub static EXPORT_PROFILES_PARTIAL_SUCCESS: Message = Message {
    name: "opentelemetry.proto.collector.profiles.v1development.ExportProfilesPartialSuccess", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "rejectedProfiles", Int64, Singular)),
        Some(Field::new(2, "errorMessage", String, Singular)),
    ],
};

/// `opentelemetry.proto.trace.v1.TracesData`
pub static TRACES_DATA: Message = Message {
    name: "opentelemetry.proto.trace.v1.TracesData", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resourceSpans", Message(&RESOURCE_SPANS), Repeated)),
    ],
};

/// `opentelemetry.proto.trace.v1.ResourceSpans`
pub static RESOURCE_SPANS: Message = Message {
    name: "opentelemetry.proto.trace.v1.ResourceSpans", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resource", Message(&RESOURCE), Singular)),
        Some(Field::new(2, "scopeSpans", Message(&SCOPE_SPANS), Repeated)),
        Some(Field::new(3, "schemaUrl", String, Singular)),
    ],
};

/// `opentelemetry.proto.trace.v1.ScopeSpans`
pub static SCOPE_SPANS: Message = Message {
    name: "opentelemetry.proto.trace.v1.ScopeSpans", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "scope", Message(&INSTRUMENTATION_SCOPE), Singular)),
        Some(Field::new(2, "spans", Message(&SPAN), Repeated)),
        Some(Field::new(3, "schemaUrl", String, Singular)),
    ],
};

/// `opentelemetry.proto.trace.v1.Span`
pub static SPAN: Message = Message {
    name: "opentelemetry.proto.trace.v1.Span", form: Form::Fields, item: true, by_number: &[
        Some(Field::new(1, "traceId", Id, Singular)),
        Some(Field::new(2, "spanId", Id, Singular)),
        Some(Field::new(3, "traceState", String, Singular)),
        Some(Field::new(4, "parentSpanId", Id, Singular)),
        Some(Field::new(5, "name", String, Singular)),
        Some(Field::new(6, "kind", Enum, Singular)),
        Some(Field::new(7, "startTimeUnixNano", Fixed64, Singular)),
        Some(Field::new(8, "endTimeUnixNano", Fixed64, Singular)),
        Some(Field::new(9, "attributes", Message(&KEY_VALUE), Repeated)),
        Some(Field::new(10, "droppedAttributesCount", Uint32, Singular)),
        Some(Field::new(11, "events", Message(&SPAN_EVENT), Repeated)),
        Some(Field::new(12, "droppedEventsCount", Uint32, Singular)),
        Some(Field::new(13, "links", Message(&SPAN_LINK), Repeated)),
        Some(Field::new(14, "droppedLinksCount", Uint32, Singular)),
        Some(Field::new(15, "status", Message(&TRACE_STATUS), Singular)),
        Some(Field::new(16, "flags", Fixed32, Singular)),
    ],
};

/// `opentelemetry.proto.trace.v1.Span.Event`
pub static SPAN_EVENT: Message = Message {
    name: "opentelemetry.proto.trace.v1.Span.Event", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "timeUnixNano", Fixed64, Singular)),
        Some(Field::new(2, "name", String, Singular)),
        Some(Field::new(3, "attributes", Message(&KEY_VALUE), Repeated)),
        Some(Field::new(4, "droppedAttributesCount", Uint32, Singular)),
    ],
};

/// `opentelemetry.proto.trace.v1.Span.Link`
pub static SPAN_LINK: Message = Message {
    name: "opentelemetry.proto.trace.v1.Span.Link", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "traceId", Id, Singular)),
        Some(Field::new(2, "spanId", Id, Singular)),
        Some(Field::new(3, "traceState", String, Singular)),
        Some(Field::new(4, "attributes", Message(&KEY_VALUE), Repeated)),
        Some(Field::new(5, "droppedAttributesCount", Uint32, Singular)),
        Some(Field::new(6, "flags", Fixed32, Singular)),
    ],
};

/// `opentelemetry.proto.trace.v1.Status`
pub static TRACE_STATUS: Message = Message {
    name: "opentelemetry.proto.trace.v1.Status", form: Form::Fields, item: false, by_number: &[
        None,
        Some(Field::new(2, "message", String, Singular)),
        Some(Field::new(3, "code", Enum, Singular)),
    ],
};

/// `opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest`
pub static EXPORT_TRACE_SERVICE_REQUEST: Message = Message {
    name: "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "resourceSpans", Message(&RESOURCE_SPANS), Repeated)),
    ],
};

/// `opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse`
pub static EXPORT_TRACE_SERVICE_RESPONSE: Message = Message {
    name: "opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "partialSuccess", Message(&EXPORT_TRACE_PARTIAL_SUCCESS), Singular)),
    ],
};

/// `opentelemetry.proto.collector.trace.v1.ExportTracePartialSuccess`
pub static EXPORT_TRACE_PARTIAL_SUCCESS: Message = Message {
    name: "opentelemetry.proto.collector.trace.v1.ExportTracePartialSuccess", form: Form::Fields, item: false, by_number: &[
        Some(Field::new(1, "rejectedSpans", Int64, Singular)),
        Some(Field::new(2, "errorMessage", String, Singular)),
    ],
};
