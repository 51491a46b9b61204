#ifndef SESSIONIZE_PARALLEL_PARALLEL_HPP
#define SESSIONIZE_PARALLEL_PARALLEL_HPP

// One stream on several cores; target sessionize::parallel, which brings the threads. It needs
// exceptions, unlike the core.

#include <sessionize/parallel/parallel_sessionizer.hpp>

#endif
