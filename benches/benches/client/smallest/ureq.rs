//! A request of one span that is ready, posted: what any sender pays at least.

fn main() {
    let url = std::env::args().nth(1).expect("an endpoint") + "/v1/traces";
    let post = ureq::post(&url).header("content-type", "application/x-protobuf");
    post.send(&b"\x0A\x04\x12\x02\x12\x00"[..]).expect("an answer");
}
