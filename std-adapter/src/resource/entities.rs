//! `OTEL_ENTITIES`: entities that whoever started the program knows of, as
//! `type{id.key=value,…}[description.key=value,…]@schema-url;…`, the parts behind the id being optional.

use super::{Attributes, Entity};
use crate::config::{Env, pair};

/// Pairs of a key and a value.
type Pairs = Vec<(String, String)>;

/// Adds the environment's entities and their attributes. One that cannot be read is said and left out, with the others kept; of
/// several of a type the last counts, and one that code has set wins over all.
pub(super) fn from_env(env: &mut Env<'_>, attributes: &mut Attributes, entities: &mut Vec<Entity>) {
    const NAME: &str = "OTEL_ENTITIES";
    let Some(value) = env.text(NAME) else { return };
    let mut found: Vec<Parsed<'_>> = Vec::new();
    for text in value.split(';').map(str::trim).filter(|text| !text.is_empty()) {
        match Parsed::read(text) {
            Some(entity) => {
                found.retain(|known| known.kind != entity.kind);
                found.push(entity);
            }
            None => env.warn(NAME, text, "it has to be type{key=value,…}[key=value,…]@url; it is left out"),
        }
    }
    found.retain(|entity| entities.iter().all(|own| own.kind() != entity.kind));
    for entity in found {
        entity.id.iter().chain(&entity.description).for_each(|(key, value)| attributes.set(key, value));
        let keys = |pairs: Pairs| pairs.into_iter().map(|(key, _)| key).collect();
        entities.push(Entity::new(entity.kind, keys(entity.id), keys(entity.description), entity.schema_url));
    }
}

struct Parsed<'a> {
    kind: &'a str,
    id: Pairs,
    description: Pairs,
    schema_url: &'a str,
}

impl<'a> Parsed<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_once('{')?;
        let (id, rest) = rest.split_once('}')?;
        let (description, rest) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => ("", rest),
        };
        let schema_url = if rest.is_empty() { "" } else { rest.strip_prefix('@')? };
        let (kind, id) = (kind.trim(), pairs(id)?);
        let is_whole = !kind.is_empty() && !id.is_empty();
        is_whole.then_some(Self { kind, id, description: pairs(description)?, schema_url })
    }
}

fn pairs(list: &str) -> Option<Pairs> {
    list.split(',').filter(|part| !part.trim().is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> (Vec<String>, Vec<(String, String)>, usize) {
        let get = |name: &str| (name == "OTEL_ENTITIES").then(|| value.to_owned());
        let mut env = Env::new(&get);
        let (mut attributes, mut entities) = (Attributes::default(), Vec::new());
        entities.push(Entity::new("process", vec!["process.pid".into()], Vec::new(), ""));
        from_env(&mut env, &mut attributes, &mut entities);
        let kinds = entities.iter().map(|entity| entity.kind().to_owned()).collect();
        let texts = attributes.0.iter().map(|attribute| (attribute.key.clone(), attribute.text())).collect();
        (kinds, texts, env.warnings.len())
    }

    #[test]
    fn entities_are_read_one_by_one() {
        let (kinds, attributes, warnings) = read(
            "service{service.name=shop,service.instance.id=i%2C1}[service.version=2]@https://example.com/1; host{host.id=h};",
        );
        assert_eq!(kinds, ["process", "service", "host"]);
        let expected = [
            ("service.name", "shop"),
            ("service.instance.id", "i,1"),
            ("service.version", "2"),
            ("host.id", "h"),
        ];
        assert_eq!(attributes, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(warnings, 0);
    }

    #[test]
    fn a_malformed_one_costs_no_other_the_last_counts_and_code_wins() {
        let (kinds, attributes, warnings) =
            read("host{host.id=1};nothing;{a=b};x{};y{a=%zz};process{process.pid=7};host{host.id=2}");
        assert_eq!(kinds, ["process", "host"]);
        assert_eq!(attributes, [("host.id".to_owned(), "2".to_owned())]);
        assert_eq!(warnings, 4);
    }
}
