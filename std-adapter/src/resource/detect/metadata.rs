//! Metadata services of virtual machines, which all listen at the same address and are told apart by what they answer.

use std::time::{Duration, Instant};

use ureq::Agent;

use super::Found;

/// For all questions together: where there is no such service, most networks do not answer at all.
const LIMIT: Duration = Duration::from_secs(1);
/// The longest answer that is read.
const MAX: u64 = 1024;

pub(super) fn find(found: &mut Found<'_>) {
    let service = Service::new(found.base);
    // Google's names itself, Azure's wants a header of its own, AWS's gives a token: no one takes a question to another.
    let _ = google(&service, found).or_else(|| amazon(&service, found)).or_else(|| azure(&service, found));
}

fn google(service: &Service, found: &mut Found<'_>) -> Option<()> {
    let get = |path: &str| service.get(&format!("/computeMetadata/v1/{path}"), ("Metadata-Flavor", "Google"));
    let id = get("instance/id")?;
    platform(found, "gcp", "gcp_compute_engine", id);
    found.set_some("cloud.account.id", get("project/project-id"));
    // Both come as projects/NUMBER/zones/NAME.
    let last = |text: String| text.rsplit('/').next().map(str::to_owned);
    let zone = get("instance/zone").and_then(last);
    let region = zone.as_ref().and_then(|zone| zone.rsplit_once('-')).map(|(region, _)| region.to_owned());
    found.set_some("cloud.region", region);
    found.set_some("cloud.availability_zone", zone);
    found.set_some("host.type", get("instance/machine-type").and_then(last));
    found.set_some("host.name", get("instance/name"));
    Some(())
}

/// IMDSv2: a token first.
fn amazon(service: &Service, found: &mut Found<'_>) -> Option<()> {
    let token = service.put("/latest/api/token", ("X-aws-ec2-metadata-token-ttl-seconds", "60"))?;
    let get =
        |path: &str| service.get(&format!("/latest/meta-data/{path}"), ("X-aws-ec2-metadata-token", &token));
    let id = get("instance-id")?;
    platform(found, "aws", "aws_ec2", id);
    found.set_some("cloud.region", get("placement/region"));
    found.set_some("cloud.availability_zone", get("placement/availability-zone"));
    found.set_some("host.type", get("instance-type"));
    found.set_some("host.image.id", get("ami-id"));
    found.set_some("host.name", get("hostname"));
    let owner = get("mac").and_then(|mac| get(&format!("network/interfaces/macs/{mac}/owner-id")));
    found.set_some("cloud.account.id", owner);
    Some(())
}

fn azure(service: &Service, found: &mut Found<'_>) -> Option<()> {
    let get = |name: &str| {
        let path = format!("/metadata/instance/compute/{name}?api-version=2021-02-01&format=text");
        service.get(&path, ("Metadata", "true"))
    };
    let id = get("vmId")?;
    platform(found, "azure", "azure_vm", id);
    found.set_some("cloud.account.id", get("subscriptionId"));
    found.set_some("cloud.region", get("location"));
    found.set_some("cloud.availability_zone", get("zone"));
    found.set_some("host.type", get("vmSize"));
    found.set_some("host.name", get("name"));
    Some(())
}

fn platform(found: &mut Found<'_>, provider: &str, platform: &str, id: String) {
    found.set("cloud.provider", provider);
    found.set("cloud.platform", platform);
    found.set_some("host.id", Some(id));
}

struct Service {
    agent: Agent,
    base: &'static str,
    deadline: Instant,
}

impl Service {
    fn new(base: &'static str) -> Self {
        // A proxy would answer for another machine.
        let config = Agent::config_builder().proxy(None).max_redirects(0).build();
        Self { agent: config.new_agent(), base, deadline: Instant::now() + LIMIT }
    }

    fn get(&self, path: &str, (name, value): (&str, &str)) -> Option<String> {
        let request = self.agent.get(format!("{}{path}", self.base)).header(name, value);
        text(request.config().timeout_global(self.left()).build().call())
    }

    fn put(&self, path: &str, (name, value): (&str, &str)) -> Option<String> {
        let request = self.agent.put(format!("{}{path}", self.base)).header(name, value);
        text(request.config().timeout_global(self.left()).build().send_empty())
    }

    fn left(&self) -> Option<Duration> {
        Some(self.deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))
    }
}

/// A short answer in one line.
fn text(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Option<String> {
    let mut answer = answer.ok()?;
    let text = answer.body_mut().with_config().limit(MAX).read_to_string().ok()?;
    let text = text.trim();
    (!text.is_empty() && !text.contains(char::is_control)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::super::{
        Detector,
        tests::{found, map},
    };

    /// A service that answers those paths to whoever sends that header, and 404 to all else; its base URL.
    fn service(header: &'static str, answers: &'static [(&'static str, &'static str)]) -> &'static str {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while let Some(Ok(first)) = lines.next() {
                    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                    let head: Vec<String> =
                        lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
                    let may = head.iter().any(|line| line.eq_ignore_ascii_case(header))
                        || path == "/latest/api/token";
                    let answer = answers.iter().find(|(known, _)| *known == path).filter(|_| may);
                    let (status, body) =
                        answer.map_or(("404 Not Found", "no"), |(_, body)| ("200 OK", *body));
                    let length = body.len();
                    write!(&stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
                }
            }
        });
        base.leak()
    }

    #[test]
    fn each_service_is_asked_in_its_own_way() {
        let google = service(
            "metadata-flavor: Google",
            &[
                ("/computeMetadata/v1/instance/id", "7"),
                ("/computeMetadata/v1/project/project-id", "p"),
                ("/computeMetadata/v1/instance/zone", "projects/1/zones/europe-west3-a"),
            ],
        );
        let expected = [
            ("cloud.provider", "gcp"),
            ("cloud.platform", "gcp_compute_engine"),
            ("host.id", "7"),
            ("cloud.account.id", "p"),
            ("cloud.region", "europe-west3"),
            ("cloud.availability_zone", "europe-west3-a"),
        ];
        assert_eq!(found(Detector::metadata_at(google), &[], &[]), map(&expected));

        let amazon = service(
            "x-aws-ec2-metadata-token: t0k",
            &[
                ("/latest/api/token", "t0k"),
                ("/latest/meta-data/instance-id", "i-1"),
                ("/latest/meta-data/mac", "aa:bb"),
                ("/latest/meta-data/network/interfaces/macs/aa:bb/owner-id", "42"),
            ],
        );
        let expected = [
            ("cloud.provider", "aws"),
            ("cloud.platform", "aws_ec2"),
            ("host.id", "i-1"),
            ("cloud.account.id", "42"),
        ];
        assert_eq!(found(Detector::metadata_at(amazon), &[], &[]), map(&expected));

        let azure = service(
            "metadata: true",
            &[
                ("/metadata/instance/compute/vmId?api-version=2021-02-01&format=text", "v"),
                ("/metadata/instance/compute/location?api-version=2021-02-01&format=text", "westeurope"),
            ],
        );
        let expected = [
            ("cloud.provider", "azure"),
            ("cloud.platform", "azure_vm"),
            ("host.id", "v"),
            ("cloud.region", "westeurope"),
        ];
        assert_eq!(found(Detector::metadata_at(azure), &[], &[]), map(&expected));
    }

    #[test]
    fn a_service_that_accepts_and_never_answers_is_left_within_its_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base: &str = format!("http://{}", listener.local_addr().unwrap()).leak();
        // It returns: that is what the test is about.
        assert!(found(Detector::metadata_at(base), &[], &[]).is_empty());
    }

    #[test]
    fn an_answer_that_is_no_word_is_none() {
        let odd = service("metadata-flavor: Google", &[("/computeMetadata/v1/instance/id", "<html>\nlogin")]);
        assert!(found(Detector::metadata_at(odd), &[], &[]).is_empty());
    }
}
