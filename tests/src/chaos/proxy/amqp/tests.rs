//! A conversation in AMQP, said and heard frame by frame.

use super::super::faults::{Fired, Sabotage};
use super::super::frame::tests::{all_up_to, bare, body, deliver, header, publish};
use super::*;

const MANDATORY: u8 = 1;

/// A conversation with its faults, and what both sides have heard.
struct Spoken {
    faults: Arc<Faults>,
    amqp: Amqp,
    out: Outgoing,
}

impl Spoken {
    /// With a channel 1 that confirms, of which nobody has heard yet.
    fn begun(plan: impl FnOnce(&Faults)) -> Self {
        let faults = Arc::new(Faults::default());
        plan(&faults);
        let mut spoken =
            Self { amqp: Amqp::new(Arc::clone(&faults)), faults, out: Outgoing::default() };
        spoken.client(&[bare(1, 20, 10), bare(1, 85, 10)]);
        spoken.heard();
        spoken
    }

    fn say(&mut self, side: Side, frames: &[Frame]) -> Flow {
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
        self.amqp.hear(side, &bytes, &mut self.out).unwrap()
    }

    fn client(&mut self, frames: &[Frame]) -> Flow {
        self.say(Side::Client, frames)
    }

    fn server(&mut self, frames: &[Frame]) -> Flow {
        self.say(Side::Server, frames)
    }

    /// What client and server have heard since the last time.
    fn heard(&mut self) -> [Vec<Frame>; 2] {
        [Side::Client, Side::Server].map(|side| {
            let mut bytes = self.out.to(side).split();
            let frames = std::iter::from_fn(|| Frame::take(&mut bytes).unwrap()).collect();
            assert!(bytes.is_empty(), "only whole frames");
            frames
        })
    }

    fn fired(&self) -> Fired {
        self.faults.fired()
    }
}

fn message(flags: u8) -> [Frame; 3] {
    [publish(1, flags), header(1, 2), body(1, "hi")]
}

fn confirm(tag: u64) -> Frame {
    Frame::answer(1, tag, true)
}

#[test]
fn without_faults_everything_passes_as_it_is() {
    let mut spoken = Spoken::begun(|_| {});
    let sent = [&message(MANDATORY)[..], &[confirm(3), Frame::of(8, 0, &[])]].concat();
    let answered = [all_up_to(1, 1, true), deliver(1, 4), header(1, 1), body(1, "x")];
    assert_eq!(spoken.client(&sent), Flow::Continue);
    assert_eq!(spoken.server(&answered), Flow::Continue);
    assert_eq!(spoken.heard(), [answered.to_vec(), sent]);
    assert_eq!(spoken.fired(), Fired::default());
}

#[test]
fn greetings_pass_whole_and_in_parts() {
    let faults = Arc::new(Faults::default());
    for side in [Side::Client, Side::Server] {
        let (mut amqp, mut out) = (Amqp::new(Arc::clone(&faults)), Outgoing::default());
        for part in [&b"AMQ"[..], b"P\x00\x00\x09\x01", &bare(1, 20, 10).bytes] {
            amqp.hear(side, part, &mut out).unwrap();
        }
        let all = [&b"AMQP\x00\x00\x09\x01"[..], &bare(1, 20, 10).bytes].concat();
        assert_eq!(out.to(side.other()), &all[..]);
    }
}

#[test]
fn as_many_confirms_are_lost_as_planned() {
    let mut spoken = Spoken::begun(|faults| faults.confirms.plan(2));
    spoken.client(&[message(0), message(0), message(0)].concat());
    spoken.server(&[confirm(1), confirm(2), confirm(3)]);
    assert_eq!(spoken.heard()[0], [confirm(3)]);
    assert_eq!(spoken.fired().confirms_lost, 2);
}

#[test]
fn as_many_acks_are_lost_as_planned_and_no_refusal() {
    let mut spoken = Spoken::begun(|faults| faults.acks.plan(1));
    let refusal = Frame::answer(1, 1, false);
    spoken.client(&[refusal.clone(), confirm(2), confirm(3)]);
    assert_eq!(spoken.heard()[1], [refusal, confirm(3)]);
    assert_eq!(spoken.fired().acks_lost, 1);
}

#[test]
fn a_body_is_cut_in_the_middle_in_either_direction() {
    for side in [Side::Client, Side::Server] {
        let mut spoken = Spoken::begun(|faults| faults.frames.plan(1));
        let content = match side {
            Side::Client => publish(1, 0),
            Side::Server => deliver(1, 1),
        };
        assert_eq!(spoken.say(side, &[content, header(1, 2)]), Flow::Continue);
        spoken.heard();
        let whole = body(1, "hi");
        assert_eq!(spoken.say(side, std::slice::from_ref(&whole)), Flow::End);
        assert_eq!(spoken.out.to(side.other()), &whole.bytes[..whole.bytes.len() / 2]);
        assert_eq!(spoken.fired().cut_mid_frame, 1);
    }
}

#[test]
fn a_repeated_message_is_sent_three_times_and_confirmed_once() {
    let mut spoken = Spoken::begun(|_| {});
    spoken.client(&message(MANDATORY));
    spoken.faults.repeating.store(true, Ordering::SeqCst);
    spoken.client(&message(MANDATORY));
    let copies = [message(MANDATORY), message(MANDATORY), message(0), message(0)].concat();
    assert_eq!(spoken.heard()[1], copies);
    // 1 is the first message; 2, 3 and 4 are the second.
    spoken.server(&[all_up_to(1, 2, true)]);
    assert_eq!(spoken.heard()[0], [confirm(1)]);
    spoken.server(&[confirm(4), confirm(3)]);
    assert_eq!(spoken.heard()[0], [confirm(2)]);
    assert_eq!(spoken.fired().repeated, 1);
}

#[test]
fn the_numbers_stay_the_clients_own_when_repeating_has_ended() {
    let mut spoken = Spoken::begun(|faults| faults.repeating.store(true, Ordering::SeqCst));
    spoken.client(&message(0));
    spoken.faults.clear();
    spoken.client(&message(0));
    spoken.server(&[Frame::answer(1, 4, false), all_up_to(1, 3, true)]);
    assert_eq!(spoken.heard()[0], [Frame::answer(1, 2, false), confirm(1)]);
}

#[test]
fn without_confirms_the_proxy_confirms_itself_and_the_broker_is_not_heard() {
    let mut spoken = Spoken::begun(|faults| faults.sabotage(Sabotage::NoConfirm));
    spoken.client(&message(0)[..2]);
    assert!(spoken.heard()[0].is_empty(), "not before it has passed");
    spoken.client(&message(0)[2..]);
    spoken.client(&message(0));
    spoken.server(&[Frame::answer(1, 1, false), confirm(2)]);
    assert_eq!(spoken.heard()[0], [confirm(1), confirm(2)]);
    // A channel that is opened again counts from 1; one that never asked is confirmed nothing.
    spoken.client(&[bare(1, 20, 10), bare(1, 85, 10)]);
    spoken.client(&message(0));
    assert_eq!(spoken.heard()[0], [confirm(1)]);
    spoken.client(&[bare(1, 20, 10)]);
    spoken.client(&message(0));
    assert!(spoken.heard()[0].is_empty());
    assert_eq!(spoken.fired().confirms_forged, 3);
}

#[test]
fn without_mandatory_the_bit_is_cleared() {
    let mut spoken = Spoken::begun(|faults| faults.sabotage(Sabotage::NoMandatory));
    spoken.client(&message(MANDATORY));
    spoken.client(&message(0));
    assert_eq!(spoken.heard()[1], [message(0), message(0)].concat());
    assert_eq!(spoken.fired().mandatory_cleared, 1);
}

#[test]
fn with_ack_first_a_delivery_is_acknowledged_before_the_client_says_anything() {
    let mut spoken = Spoken::begun(|faults| faults.sabotage(Sabotage::AckFirst));
    let delivery = [deliver(1, 7), header(1, 2), body(1, "hi")];
    spoken.server(&delivery);
    assert_eq!(spoken.heard(), [delivery.to_vec(), vec![confirm(7)]]);
    spoken.client(&[confirm(7), Frame::answer(1, 7, false), bare(1, 60, 90)]);
    assert!(spoken.heard()[1].is_empty());
    assert_eq!(spoken.fired().acks_forged, 1);
}

#[test]
fn an_added_ack_waits_for_the_end_of_what_is_being_published() {
    let mut spoken = Spoken::begun(|faults| faults.sabotage(Sabotage::AckFirst));
    spoken.client(&message(0)[..1]);
    spoken.server(&[deliver(1, 7), header(1, 0)]);
    spoken.client(&message(0)[1..]);
    assert_eq!(spoken.heard()[1], [&message(0)[..], &[confirm(7)]].concat());
}

#[test]
fn on_a_channel_that_is_being_closed_nothing_is_added() {
    for (number, class, method) in [(1, 20, 40), (0, 10, 50)] {
        let mut spoken = Spoken::begun(|faults| faults.sabotage(Sabotage::AckFirst));
        spoken.client(&[bare(number, class, method)]);
        spoken.heard();
        spoken.server(&[deliver(1, 7), header(1, 0)]);
        assert!(spoken.heard()[1].is_empty());
        assert_eq!(spoken.fired().acks_forged, 0);
    }
}

#[test]
fn garbage_is_told() {
    let (mut amqp, mut out) = (Amqp::new(Arc::default()), Outgoing::default());
    assert!(amqp.hear(Side::Client, b"GET / HTTP/1.1\r\n", &mut out).is_err());
}
