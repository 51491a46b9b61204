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

/// A fixed number of threads that work on one job at a time, the caller's among them. They sleep
/// between jobs, and end with the object.
class Workers {
 public:
  /// Starts `threads` - 1 threads; at least 1. Where one cannot be started, std::system_error.
  explicit Workers(std::size_t threads) : Workers() {
    // The object counts as made from here on, so that its destructor ends what was started.
    failures_.resize(threads);
    threads_.reserve(threads - 1);
    for (std::size_t i = 1; i < threads; ++i) threads_.emplace_back([this, i] { serve(i); });
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() {
    call_ = nullptr;
    next_job();
    for (auto& thread : threads_) thread.join();
  }

  [[nodiscard]] std::size_t size() const noexcept { return failures_.size(); }

  /// Calls `job(i)` for each i below size(): 0 on the calling thread, the others each on its own,
  /// always the same. Returns when all have ended; what the first of them threw is thrown on.
  template <class Job>
  void run(const Job& job) {
    job_ = &job;
    call_ = [](const void* called, std::size_t i) { (*static_cast<const Job*>(called))(i); };
    left_.store(static_cast<std::uint32_t>(threads_.size()), std::memory_order_relaxed);
    next_job();
    work(0);
    for (std::uint32_t left = 0; (left = left_.load(std::memory_order_acquire)) != 0;)
      left_.wait(left, std::memory_order_acquire);
    for (auto& failure : failures_)
      if (failure) {
        const std::exception_ptr first = std::exchange(failure, nullptr);
        for (auto& other : failures_) other = nullptr;
        std::rethrow_exception(first);
      }
  }

 private:
  Workers() = default;

  void next_job() noexcept {
    jobs_.fetch_add(1, std::memory_order_release);
    jobs_.notify_all();
  }
  void work(std::size_t i) noexcept {
    try {
      call_(job_, i);
    } catch (...) {
      failures_[i] = std::current_exception();
    }
  }
  void serve(std::size_t i) noexcept {
    for (std::uint32_t seen = 0;; ++seen) {
      jobs_.wait(seen, std::memory_order_acquire);
      if (call_ == nullptr) return;
      work(i);
      if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) left_.notify_one();
    }
  }

  // Written by the caller while the others wait. 32 bits are what waiting is cheapest on.
  const void* job_ = nullptr;
  void (*call_)(const void* job, std::size_t i) = nullptr;
  std::atomic<std::uint32_t> jobs_ = 0;
  std::atomic<std::uint32_t> left_ = 0;
  std::vector<std::exception_ptr> failures_;
  std::vector<std::thread> threads_;
};

}  // namespace detail
}  // namespace v0
}  // namespace sessionize

#endif
