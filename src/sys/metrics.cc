#include "sys/metrics.h"

#include <prometheus/check_names.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <vector>

#include "base/assert.h"

// The library's own counters share one cache line among all cores and its histograms take a lock, which the hot path of
// a pull would pay several times per request. So the instruments are ours: each thread adds to one of a few cells that
// lie on cache lines of their own, and only a scrape reads them all. The library writes the exposition format.
namespace lifeboat::sys {
namespace {

using Labels = std::map<std::string, std::string, std::less<>>;

constexpr std::size_t kCells = 8;
constexpr std::size_t kCacheLineBytes = 64;

/// Threads take the cells in turn as they first count something: with one loop per core, neighbours seldom share.
std::size_t cell_of_this_thread() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t cell = next.fetch_add(1, std::memory_order_relaxed) % kCells;
  return cell;
}

struct alignas(kCacheLineBytes) Cell {
  std::atomic<double> value{0};
};

double total_of(const std::array<Cell, kCells>& cells) {
  double total = 0;
  for (const Cell& cell : cells) total += cell.value.load(std::memory_order_relaxed);
  return total;
}

class StripedCounter final : public Counter {
 public:
  static constexpr prometheus::MetricType kType = prometheus::MetricType::Counter;

  /// Only grows: a negative amount (and NaN) is dropped, since a counter that falls reads as a restart.
  void add(double amount) override {
    if (!(amount > 0)) return;
    cells_[cell_of_this_thread()].value.fetch_add(amount, std::memory_order_relaxed);
  }
  bool collect(prometheus::ClientMetric& metric) const {
    metric.counter.value = total_of(cells_);
    return true;
  }

 private:
  std::array<Cell, kCells> cells_{};
};

class AtomicGauge final : public Gauge {
 public:
  static constexpr prometheus::MetricType kType = prometheus::MetricType::Gauge;

  void set(double value) override { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) override { value_.fetch_add(amount, std::memory_order_relaxed); }
  bool collect(prometheus::ClientMetric& metric) const {
    metric.gauge.value = value_.load(std::memory_order_relaxed);
    return !std::isnan(metric.gauge.value);
  }

 private:
  std::atomic<double> value_{0};
};

constexpr std::array kBoundsSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0};

class StripedHistogram final : public Histogram {
 public:
  static constexpr prometheus::MetricType kType = prometheus::MetricType::Histogram;

  void observe(double seconds) override {
    if (!(seconds >= 0)) seconds = 0;  // a clock that stood still
    std::size_t bucket = 0;
    while (bucket < kBoundsSeconds.size() && seconds > kBoundsSeconds[bucket]) ++bucket;
    Stripe& stripe = stripes_[cell_of_this_thread()];
    stripe.counts[bucket].fetch_add(1, std::memory_order_relaxed);
    stripe.sum.fetch_add(seconds, std::memory_order_relaxed);
  }

  bool collect(prometheus::ClientMetric& metric) const {
    uint64_t count = 0;
    for (std::size_t bucket = 0; bucket <= kBoundsSeconds.size(); ++bucket) {
      for (const Stripe& stripe : stripes_) count += stripe.counts[bucket].load(std::memory_order_relaxed);
      const double bound =
          bucket < kBoundsSeconds.size() ? kBoundsSeconds[bucket] : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({.cumulative_count = count, .upper_bound = bound});
    }
    metric.histogram.sample_count = count;
    for (const Stripe& stripe : stripes_) metric.histogram.sample_sum += stripe.sum.load(std::memory_order_relaxed);
    return true;
  }

 private:
  struct alignas(kCacheLineBytes) Stripe {
    std::array<std::atomic<uint64_t>, kBoundsSeconds.size() + 1> counts{};
    std::atomic<double> sum{0};
  };
  std::array<Stripe, kCells> stripes_{};
};

/// One name: its help and its instruments by their labels.
template <class Instrument>
struct Family {
  std::string help;
  std::map<Labels, Instrument> instruments;
};

template <class Instrument>
using Families = std::map<std::string, Family<Instrument>, std::less<>>;

template <class Instrument>
void collect_all(const Families<Instrument>& families, std::map<std::string, prometheus::MetricFamily>& out) {
  for (const auto& [name, family] : families) {
    prometheus::MetricFamily collected;
    collected.name = name;
    collected.help = family.help;
    collected.type = Instrument::kType;
    for (const auto& [labels, instrument] : family.instruments) {
      prometheus::ClientMetric metric;
      for (const auto& [key, value] : labels) metric.label.push_back({.name = key, .value = value});
      if (instrument.collect(metric)) collected.metric.push_back(std::move(metric));
    }
    if (!collected.metric.empty()) out.emplace(name, std::move(collected));
  }
}

}  // namespace

struct Metrics::State {
  mutable std::mutex mu;  // guards the maps; the instruments are used without it
  Families<StripedCounter> counters;
  Families<AtomicGauge> gauges;
  Families<StripedHistogram> histograms;

  /// A name or label that the format does not know, or one name for two kinds, is a programmer's error.
  template <class Instrument>
  Instrument& find_or_add(Families<Instrument>& families, std::string_view name, std::string_view help,
                          MetricLabels labels) {
    const std::lock_guard lock(mu);
    Labels sorted;
    for (const auto& [key, value] : labels) {
      LB_ASSERT(prometheus::CheckLabelName(std::string(key)));
      sorted.emplace(key, value);
    }
    auto family = families.find(name);
    if (family == families.end()) {
      LB_ASSERT(prometheus::CheckMetricName(std::string(name)));
      LB_ASSERT(!counters.contains(name) && !gauges.contains(name) && !histograms.contains(name));
      family = families.try_emplace(std::string(name)).first;
      family->second.help = help;
    }
    return family->second.instruments.try_emplace(std::move(sorted)).first->second;
  }
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help, MetricLabels labels) {
  return state_->find_or_add(state_->counters, name, help, labels);
}
Gauge& Metrics::gauge(std::string_view name, std::string_view help, MetricLabels labels) {
  return state_->find_or_add(state_->gauges, name, help, labels);
}
Histogram& Metrics::histogram(std::string_view name, std::string_view help, MetricLabels labels) {
  return state_->find_or_add(state_->histograms, name, help, labels);
}

std::string Metrics::render() const try {
  std::map<std::string, prometheus::MetricFamily> by_name;
  {
    const std::lock_guard lock(state_->mu);
    collect_all(state_->counters, by_name);
    collect_all(state_->gauges, by_name);
    collect_all(state_->histograms, by_name);
  }
  std::vector<prometheus::MetricFamily> families;
  families.reserve(by_name.size());
  for (auto& [name, family] : by_name) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
} catch (const std::exception&) {
  return {};  // no memory for the text: this scrape is empty, the next one has it all
}

}  // namespace lifeboat::sys
