pub mod span_ {
    #[derive(Debug, Default, PartialEq, Clone)]
    pub struct Span {
        pub r#trace_id: &'static [u8],
        pub r#span_id: &'static [u8],
        pub r#parent_span_id: &'static [u8],
        pub r#name: &'static str,
        pub r#kind: i32,
        pub r#start_time_unix_nano: u64,
        pub r#end_time_unix_nano: u64,
        pub r#attributes: &'static [KeyValue],
        pub r#events: &'static [Event],
        pub r#flags: u32,
    }
    impl Span {}
    impl ::micropb::MessageEncode for Span {
        const MAX_SIZE: ::core::result::Result<usize, &'static str> =
            ::core::result::Result::Err("calculate_max_size disabled");
        fn encode<IMPL_MICROPB_WRITE: ::micropb::PbWrite>(
            &self,
            encoder: &mut ::micropb::PbEncoder<IMPL_MICROPB_WRITE>,
        ) -> Result<(), IMPL_MICROPB_WRITE::Error> {
            use ::micropb::{FieldEncode, PbMap};
            {
                let val_ref = &self.r#trace_id;
                if !val_ref.is_empty() {
                    encoder.encode_varint32(10u32)?;
                    encoder.encode_bytes(val_ref)?;
                }
            }
            {
                let val_ref = &self.r#span_id;
                if !val_ref.is_empty() {
                    encoder.encode_varint32(18u32)?;
                    encoder.encode_bytes(val_ref)?;
                }
            }
            {
                let val_ref = &self.r#parent_span_id;
                if !val_ref.is_empty() {
                    encoder.encode_varint32(34u32)?;
                    encoder.encode_bytes(val_ref)?;
                }
            }
            {
                let val_ref = &self.r#name;
                if !val_ref.is_empty() {
                    encoder.encode_varint32(42u32)?;
                    encoder.encode_string(val_ref)?;
                }
            }
            {
                let val_ref = &self.r#kind;
                if *val_ref != 0 {
                    encoder.encode_varint32(48u32)?;
                    encoder.encode_int32(*val_ref as _)?;
                }
            }
            {
                let val_ref = &self.r#start_time_unix_nano;
                if *val_ref != 0 {
                    encoder.encode_varint32(57u32)?;
                    encoder.encode_fixed64(*val_ref as _)?;
                }
            }
            {
                let val_ref = &self.r#end_time_unix_nano;
                if *val_ref != 0 {
                    encoder.encode_varint32(65u32)?;
                    encoder.encode_fixed64(*val_ref as _)?;
                }
            }
            {
                for (i, val_ref) in self.r#attributes.iter().enumerate() {
                    encoder.encode_varint32(74u32)?;
                    val_ref.encode_len_delimited(encoder)?;
                }
            }
            {
                for (i, val_ref) in self.r#events.iter().enumerate() {
                    encoder.encode_varint32(90u32)?;
                    val_ref.encode_len_delimited(encoder)?;
                }
            }
            {
                let val_ref = &self.r#flags;
                if *val_ref != 0 {
                    encoder.encode_varint32(133u32)?;
                    encoder.encode_fixed32(*val_ref as _)?;
                }
            }
            Ok(())
        }
        fn compute_size(&self) -> usize {
            use ::micropb::{FieldEncode, PbMap};
            let mut size = 0;
            {
                let val_ref = &self.r#trace_id;
                if !val_ref.is_empty() {
                    size += 1usize + ::micropb::size::sizeof_len_record(val_ref.len());
                }
            }
            {
                let val_ref = &self.r#span_id;
                if !val_ref.is_empty() {
                    size += 1usize + ::micropb::size::sizeof_len_record(val_ref.len());
                }
            }
            {
                let val_ref = &self.r#parent_span_id;
                if !val_ref.is_empty() {
                    size += 1usize + ::micropb::size::sizeof_len_record(val_ref.len());
                }
            }
            {
                let val_ref = &self.r#name;
                if !val_ref.is_empty() {
                    size += 1usize + ::micropb::size::sizeof_len_record(val_ref.len());
                }
            }
            {
                let val_ref = &self.r#kind;
                if *val_ref != 0 {
                    size += 1usize + ::micropb::size::sizeof_int32(*val_ref as _);
                }
            }
            {
                let val_ref = &self.r#start_time_unix_nano;
                if *val_ref != 0 {
                    size += 1usize + 8;
                }
            }
            {
                let val_ref = &self.r#end_time_unix_nano;
                if *val_ref != 0 {
                    size += 1usize + 8;
                }
            }
            {
                for (i, val_ref) in self.r#attributes.iter().enumerate() {
                    size += 1usize + ::micropb::size::sizeof_len_record(val_ref.compute_size());
                }
            }
            {
                for (i, val_ref) in self.r#events.iter().enumerate() {
                    size += 1usize + ::micropb::size::sizeof_len_record(val_ref.compute_size());
                }
            }
            {
                let val_ref = &self.r#flags;
                if *val_ref != 0 {
                    size += 2usize + 4;
                }
            }
            size
        }
    }
    #[derive(Debug, Default, PartialEq, Clone)]
    pub struct Event {
        pub r#time_unix_nano: u64,
        pub r#name: &'static str,
        pub r#attributes: &'static [KeyValue],
    }
    impl Event {}
    impl ::micropb::MessageEncode for Event {
        const MAX_SIZE: ::core::result::Result<usize, &'static str> =
            ::core::result::Result::Err("calculate_max_size disabled");
        fn encode<IMPL_MICROPB_WRITE: ::micropb::PbWrite>(
            &self,
            encoder: &mut ::micropb::PbEncoder<IMPL_MICROPB_WRITE>,
        ) -> Result<(), IMPL_MICROPB_WRITE::Error> {
            use ::micropb::{FieldEncode, PbMap};
            {
                let val_ref = &self.r#time_unix_nano;
                if *val_ref != 0 {
                    encoder.encode_varint32(9u32)?;
                    encoder.encode_fixed64(*val_ref as _)?;
                }
            }
            {
                let val_ref = &self.r#name;
                if !val_ref.is_empty() {
                    encoder.encode_varint32(18u32)?;
                    encoder.encode_string(val_ref)?;
                }
            }
            {
                for (i, val_ref) in self.r#attributes.iter().enumerate() {
                    encoder.encode_varint32(26u32)?;
                    val_ref.encode_len_delimited(encoder)?;
                }
            }
            Ok(())
        }
        fn compute_size(&self) -> usize {
            use ::micropb::{FieldEncode, PbMap};
            let mut size = 0;
            {
                let val_ref = &self.r#time_unix_nano;
                if *val_ref != 0 {
                    size += 1usize + 8;
                }
            }
            {
                let val_ref = &self.r#name;
                if !val_ref.is_empty() {
                    size += 1usize + ::micropb::size::sizeof_len_record(val_ref.len());
                }
            }
            {
                for (i, val_ref) in self.r#attributes.iter().enumerate() {
                    size += 1usize + ::micropb::size::sizeof_len_record(val_ref.compute_size());
                }
            }
            size
        }
    }
    #[derive(Debug, Default, Clone)]
    pub struct KeyValue {
        pub r#key: &'static str,
        /// *Note:* The presence of this field is tracked separately in the `_has` field. It's recommended to access this field via the accessor rather than directly.
        pub r#value: AnyValue,
        /// Tracks presence of optional and message fields
        pub _has: KeyValue_::_Hazzer,
    }
    impl ::core::cmp::PartialEq for KeyValue {
        fn eq(&self, other: &Self) -> bool {
            let mut ret = true;
            ret &= (self.r#key == other.r#key);
            ret &= (self.r#value() == other.r#value());
            ret
        }
    }
    impl KeyValue {
        /// Return a reference to `value` as an `Option`
        #[inline]
        pub fn r#value(&self) -> ::core::option::Option<&AnyValue> {
            self._has.r#value().then_some(&self.r#value)
        }
    }
    impl ::micropb::MessageEncode for KeyValue {
        const MAX_SIZE: ::core::result::Result<usize, &'static str> =
            ::core::result::Result::Err("calculate_max_size disabled");
        fn encode<IMPL_MICROPB_WRITE: ::micropb::PbWrite>(
            &self,
            encoder: &mut ::micropb::PbEncoder<IMPL_MICROPB_WRITE>,
        ) -> Result<(), IMPL_MICROPB_WRITE::Error> {
            use ::micropb::{FieldEncode, PbMap};
            {
                let val_ref = &self.r#key;
                if !val_ref.is_empty() {
                    encoder.encode_varint32(10u32)?;
                    encoder.encode_string(val_ref)?;
                }
            }
            {
                if let ::core::option::Option::Some(val_ref) = self.r#value() {
                    encoder.encode_varint32(18u32)?;
                    val_ref.encode_len_delimited(encoder)?;
                }
            }
            Ok(())
        }
        fn compute_size(&self) -> usize {
            use ::micropb::{FieldEncode, PbMap};
            let mut size = 0;
            {
                let val_ref = &self.r#key;
                if !val_ref.is_empty() {
                    size += 1usize + ::micropb::size::sizeof_len_record(val_ref.len());
                }
            }
            {
                if let ::core::option::Option::Some(val_ref) = self.r#value() {
                    size += 1usize + ::micropb::size::sizeof_len_record(val_ref.compute_size());
                }
            }
            size
        }
    }
    /// Inner types for `KeyValue`
    pub mod KeyValue_ {
        /// Compact bitfield for tracking presence of optional and message fields
        #[derive(Debug, Default, PartialEq, Clone, Copy)]
        pub struct _Hazzer([u8; 1]);
        impl _Hazzer {
            /// New hazzer with all fields set to off
            #[inline]
            pub const fn _new() -> Self {
                Self([0; 1])
            }
            /// Query presence of `value`
            #[inline]
            pub const fn r#value(&self) -> bool {
                (self.0[0] & 1) != 0
            }
            /// Set presence of `value`
            #[inline]
            pub const fn set_value(&mut self) -> &mut Self {
                let elem = &mut self.0[0];
                *elem |= 1;
                self
            }
            /// Clear presence of `value`
            #[inline]
            pub const fn clear_value(&mut self) -> &mut Self {
                let elem = &mut self.0[0];
                *elem &= !1;
                self
            }
            /// Builder method that sets the presence of `value`. Useful for initializing the Hazzer.
            #[inline]
            pub const fn init_value(mut self) -> Self {
                self.set_value();
                self
            }
        }
    }
    #[derive(Debug, Default, PartialEq, Clone)]
    pub struct AnyValue {
        pub r#value: ::core::option::Option<AnyValue_::Value>,
    }
    impl AnyValue {}
    impl ::micropb::MessageEncode for AnyValue {
        const MAX_SIZE: ::core::result::Result<usize, &'static str> =
            ::core::result::Result::Err("calculate_max_size disabled");
        fn encode<IMPL_MICROPB_WRITE: ::micropb::PbWrite>(
            &self,
            encoder: &mut ::micropb::PbEncoder<IMPL_MICROPB_WRITE>,
        ) -> Result<(), IMPL_MICROPB_WRITE::Error> {
            use ::micropb::{FieldEncode, PbMap};
            if let Some(oneof) = &self.r#value {
                match &*oneof {
                    AnyValue_::Value::StringValue(val_ref) => {
                        let val_ref = &*val_ref;
                        encoder.encode_varint32(10u32)?;
                        encoder.encode_string(val_ref)?;
                    }
                    AnyValue_::Value::BoolValue(val_ref) => {
                        let val_ref = &*val_ref;
                        encoder.encode_varint32(16u32)?;
                        encoder.encode_bool(*val_ref)?;
                    }
                    AnyValue_::Value::IntValue(val_ref) => {
                        let val_ref = &*val_ref;
                        encoder.encode_varint32(24u32)?;
                        encoder.encode_int64(*val_ref as _)?;
                    }
                    AnyValue_::Value::DoubleValue(val_ref) => {
                        let val_ref = &*val_ref;
                        encoder.encode_varint32(33u32)?;
                        encoder.encode_double(*val_ref)?;
                    }
                }
            }
            Ok(())
        }
        fn compute_size(&self) -> usize {
            use ::micropb::{FieldEncode, PbMap};
            let mut size = 0;
            if let Some(oneof) = &self.r#value {
                match &*oneof {
                    AnyValue_::Value::StringValue(val_ref) => {
                        let val_ref = &*val_ref;
                        size += 1usize + ::micropb::size::sizeof_len_record(val_ref.len());
                    }
                    AnyValue_::Value::BoolValue(val_ref) => {
                        let val_ref = &*val_ref;
                        size += 1usize + 1;
                    }
                    AnyValue_::Value::IntValue(val_ref) => {
                        let val_ref = &*val_ref;
                        size += 1usize + ::micropb::size::sizeof_int64(*val_ref as _);
                    }
                    AnyValue_::Value::DoubleValue(val_ref) => {
                        let val_ref = &*val_ref;
                        size += 1usize + 8;
                    }
                }
            }
            size
        }
    }
    /// Inner types for `AnyValue`
    pub mod AnyValue_ {
        #[derive(Debug, PartialEq, Clone)]
        pub enum Value {
            StringValue(&'static str),
            BoolValue(bool),
            IntValue(i64),
            DoubleValue(f64),
        }
    }
}
