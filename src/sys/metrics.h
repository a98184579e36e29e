#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace lifeboat::sys {

using MetricLabels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// A number that only grows. Any thread, wait-free for practical purposes.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double amount = 1) = 0;
};

/// A number that goes up and down; with NaN it is not shown. Any thread.
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
  virtual void add(double amount) = 0;
};

/// A distribution of seconds over fixed buckets (1 ms … 10 s). Any thread.
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double seconds) = 0;
};

/// All metrics of the process. A part asks for its instruments once, at construction, and keeps the references: they
/// live as long as this object. Asking again for the same name and labels gives the same instrument. Names are
/// `lifeboat_<area>_<noun>_<unit>[_total]`; labels come from closed sets (never a repository or a digest).
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& counter(std::string_view name, std::string_view help, MetricLabels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, MetricLabels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, MetricLabels labels = {});

  /// The text exposition format 0.0.4.
  std::string render() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lifeboat::sys
