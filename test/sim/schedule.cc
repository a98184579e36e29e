#include "test/sim/schedule.h"

namespace lifeboat::sim {

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::none: return "none";
    case Fault::refused: return "refused";
    case Fault::black_hole: return "black_hole";
    case Fault::no_name: return "no_name";
    case Fault::bad_tls: return "bad_tls";
    case Fault::hangs: return "hangs";
    case Fault::error_500: return "error_500";
    case Fault::error_502_html: return "error_502_html";
    case Fault::error_503: return "error_503";
    case Fault::portal_200: return "portal_200";
    case Fault::portal_404: return "portal_404";
    case Fault::refuses_401: return "refuses_401";
    case Fault::refuses_403: return "refuses_403";
    case Fault::limits_429: return "limits_429";
    case Fault::slow_head: return "slow_head";
    case Fault::slow_body: return "slow_body";
    case Fault::cuts_body: return "cuts_body";
    case Fault::stalls_body: return "stalls_body";
    case Fault::short_body: return "short_body";
    case Fault::long_body: return "long_body";
    case Fault::wrong_bytes: return "wrong_bytes";
    case Fault::wrong_digest: return "wrong_digest";
    case Fault::garbage_token: return "garbage_token";
  }
  return "none";
}

bool is_dead(Fault fault) {
  return fault == Fault::refused || fault == Fault::black_hole || fault == Fault::no_name || fault == Fault::bad_tls ||
         fault == Fault::hangs;
}

const std::vector<Fault>& registry_faults() {
  static const std::vector<Fault> faults{
      Fault::refused,     Fault::black_hole,  Fault::no_name,    Fault::bad_tls,    Fault::hangs,
      Fault::error_500,   Fault::error_503,   Fault::portal_200, Fault::portal_404, Fault::error_502_html,
      Fault::refuses_401, Fault::refuses_403, Fault::limits_429, Fault::slow_head,  Fault::slow_body,
      Fault::cuts_body,   Fault::stalls_body, Fault::short_body, Fault::long_body,  Fault::wrong_bytes,
      Fault::wrong_digest};
  return faults;
}

const std::vector<Fault>& realm_faults() {
  static const std::vector<Fault> faults{Fault::refused,      Fault::black_hole,  Fault::no_name,    Fault::hangs,
                                         Fault::error_500,    Fault::error_503,   Fault::portal_200, Fault::portal_404,
                                         Fault::refuses_401,  Fault::refuses_403, Fault::limits_429, Fault::slow_head,
                                         Fault::garbage_token};
  return faults;
}

const Schedule::Span* Schedule::find(Duration time) const {
  for (auto span = spans_.rbegin(); span != spans_.rend(); ++span) {
    if (span->begin <= time && time < span->end) return &*span;
  }
  return nullptr;
}

Fault Schedule::at(Duration time) const {
  const Span* span = find(time);
  return span == nullptr ? Fault::none : span->fault;
}

Duration Schedule::end_of(Duration time) const {
  const Span* span = find(time);
  return span == nullptr ? time : span->end;
}

Schedule random_schedule(Random random, const std::vector<Fault>& faults, Duration until) {
  using std::chrono::seconds;
  Schedule schedule;
  Duration time = random.between(Duration(0), seconds(20));
  while (time < until) {
    const bool is_long = random.has_chance(40);
    const Duration length =
        is_long ? random.between(seconds(10), seconds(45)) : random.between(Duration(200), seconds(8));
    schedule.add({.begin = time, .end = std::min(time + length, until), .fault = random.pick(faults)});
    time += length + random.between(Duration(500), seconds(30));
  }
  return schedule;
}

}  // namespace lifeboat::sim
