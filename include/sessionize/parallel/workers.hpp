#ifndef SESSIONIZE_PARALLEL_WORKERS_HPP
#define SESSIONIZE_PARALLEL_WORKERS_HPP

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace sessionize {
inline namespace v0 {
namespace detail {

/// Tells the processor that a loop waits for what another one stores.
inline void pause() noexcept {
#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
  __builtin_ia32_pause();
#elif defined(__GNUC__) && defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// A fixed number of threads that work on one job at a time, the caller's among them. They sleep
/// between jobs, and end with the object. Before a thread sleeps it looks for a fraction of a
/// millisecond whether it need not: in a virtual machine, waking one takes a tenth of that.
class Workers {
 public:
  /// Starts `threads` - 1 threads; at least 1. Where one cannot be started, std::system_error.
  explicit Workers(std::size_t threads) : Workers() {
    // The object counts as made from here on, so that its destructor ends what was started.
    failures_.resize(threads);
    // Where threads share a core, one that looks keeps another from its work.
    if (threads <= std::thread::hardware_concurrency()) looks_ = 8192;
    threads_.reserve(threads - 1);
    for (std::size_t i = 1; i < threads; ++i) threads_.emplace_back([this, i] { serve(i); });
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() {
    call_ = nullptr;
    next(jobs_);
    for (auto& thread : threads_) thread.join();
  }

  [[nodiscard]] std::size_t size() const noexcept { return failures_.size(); }

  /// Calls `job(step, i)` for each step below `steps`, in order, and in each for every i below
  /// size(): 0 on the calling thread, the others each on its own, always the same. A step begins
  /// when all calls of the one before have ended, and none does behind one in which something was
  /// thrown, which is thrown on in the end: of several the one of the smallest i.
  template <class Job>
  void run(std::size_t steps, const Job& job) {
    if (steps == 0) return;  // nobody would wait for the others
    job_ = &job;
    call_ = [](const void* called, std::size_t step, std::size_t i) {
      (*static_cast<const Job*>(called))(step, i);
    };
    steps_ = steps;
    failed_in_.store(steps, std::memory_order_relaxed);
    next(jobs_);
    work(0);
    for (auto& failure : failures_)
      if (failure) {
        const std::exception_ptr first = std::exchange(failure, nullptr);
        for (auto& other : failures_) other = nullptr;
        std::rethrow_exception(first);
      }
  }
  /// The same for a job of one step, `job(i)`.
  template <class Job>
  void run(const Job& job) {
    run(1, [&job](std::size_t, std::size_t i) { job(i); });
  }

 private:
  using Count = std::atomic<std::uint32_t>;  // 32 bits are what waiting is cheapest on

  Workers() = default;

  static void next(Count& count) noexcept {
    count.fetch_add(1, std::memory_order_release);
    count.notify_all();
  }
  void wait_while(const Count& count, std::uint32_t is) const noexcept {
    for (unsigned looks = looks_; looks != 0; --looks) {
      if (count.load(std::memory_order_acquire) != is) return;
      pause();
    }
    count.wait(is, std::memory_order_acquire);
  }
  void serve(std::size_t i) noexcept {
    for (std::uint32_t seen = 0;; ++seen) {
      wait_while(jobs_, seen);
      if (call_ == nullptr) return;
      work(i);
    }
  }
  /// All steps of one thread. Once it has ended the last one with the others, nothing of the job is
  /// looked at any more, as the caller may already have another one.
  void work(std::size_t i) noexcept {
    const std::size_t steps = steps_;
    for (std::size_t step = 0; step < steps; ++step) {
      if (step <= failed_in_.load(std::memory_order_relaxed)) {
        try {
          call_(job_, step, i);
        } catch (...) {
          failures_[i] = std::current_exception();
          failed_in_.store(step, std::memory_order_relaxed);
        }
      }
      end_step();
    }
  }
  /// Returns when all threads have called it.
  void end_step() noexcept {
    const std::uint32_t ended = steps_ended_.load(std::memory_order_relaxed);
    if (there_.fetch_add(1, std::memory_order_acq_rel) + 1 < size())
      return wait_while(steps_ended_, ended);
    there_.store(0, std::memory_order_relaxed);
    next(steps_ended_);
  }

  // Written by the caller while the others wait.
  const void* job_ = nullptr;
  void (*call_)(const void* job, std::size_t step, std::size_t i) = nullptr;
  std::size_t steps_ = 0;

  unsigned looks_ = 0;  // how often a thread looks before it sleeps
  Count jobs_ = 0;
  Count there_ = 0;  // how many threads have ended the present step
  Count steps_ended_ = 0;
  std::atomic<std::size_t> failed_in_ = 0;  // the step in which something was thrown; or how many
  std::vector<std::exception_ptr> failures_;
  std::vector<std::thread> threads_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
