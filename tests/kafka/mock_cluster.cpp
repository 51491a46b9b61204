#include <handles.hpp>

#include <librdkafka/rdkafka_mock.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

// Runs a program beside librdkafka's mock cluster, which is this process:
//
//   mock_cluster TOPIC... -- PROGRAM ARGUMENT...
//
// The topics have 8 partitions; others are made, with 4, as they are written to. The program finds
// the cluster by LOCAL_KAFKA, and what a member of a group should set, so that a rebalance is soon
// done, by LOCAL_KAFKA_SETTINGS. Its exit code is passed on.

int main(int argc, char* argv[]) {
  try {
    const auto client =
        kafka::make_client(RD_KAFKA_PRODUCER, kafka::make_config({{"log_level", "3"}}));
    auto* const cluster = rd_kafka_mock_cluster_new(client.get(), 1);
    if (cluster == nullptr) throw std::runtime_error("there is no mock cluster");
    int i = 1;
    for (; i < argc && std::string(argv[i]) != "--"; ++i)
      if (const auto error = rd_kafka_mock_topic_create(cluster, argv[i], 8, 1))
        throw std::runtime_error(rd_kafka_err2str(error));
    if (i + 1 >= argc) throw std::runtime_error("no program to run");
    ::setenv("LOCAL_KAFKA", rd_kafka_mock_cluster_bootstraps(cluster), 1);
    // It lets the first member of a group wait for 3 s, and forgets it if it is not that patient;
    // and it lets each rebalance take a second less than the timeout.
    ::setenv("LOCAL_KAFKA_SETTINGS", "session.timeout.ms=3500 partition.assignment.strategy=range",
             1);

    const pid_t program = ::fork();
    if (program == 0) {
      ::execv(argv[i + 1], argv + i + 1);
      ::_exit(127);
    }
    int status = 0;
    ::waitpid(program, &status, 0);
    rd_kafka_mock_cluster_destroy(cluster);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  } catch (const std::exception& problem) {
    std::cerr << "mock_cluster: " << problem.what() << '\n';
    return 2;
  }
}
