// MLPerf's LoadGen drives a compiled model, from one program in C++.
// usage: server BLOB SCENARIO RATE SECONDS BATCH REQUESTS WAIT_MS FOLDER [PROPERTY=VALUE ...], with Server
// or Offline as the scenario.
// A batch starts when it is full, or when its first item has waited for WAIT_MS and a request is idle. LoadGen writes its summary
// into FOLDER.
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <openvino/openvino.hpp>

#include "loadgen.h"
#include "query_sample.h"
#include "query_sample_library.h"
#include "system_under_test.h"
#include "test_settings.h"

using Clock = std::chrono::steady_clock;

class Served : public mlperf::SystemUnderTest {
public:
    Served(ov::CompiledModel& compiled, size_t requests, size_t batch, std::chrono::duration<double> wait)
        : batch_(batch), wait_(std::chrono::duration_cast<Clock::duration>(wait)), answers_(requests) {
        for (size_t index = 0; index < requests; ++index) {
            requests_.push_back(compiled.create_infer_request());
            for (size_t input = 0; input < compiled.inputs().size(); ++input) {
                auto tensor = requests_[index].get_input_tensor(input);
                std::memset(tensor.data(), 0, tensor.get_byte_size());
            }
            requests_[index].set_callback([this, index](std::exception_ptr) { answered(index); });
            idle_.push_back(index);
        }
        thread_ = std::thread([this] { serve(); });
    }

    ~Served() override {
        {
            std::lock_guard<std::mutex> lock(guard_);
            over_ = true;
        }
        changed_.notify_all();
        thread_.join();
        for (auto& request : requests_) request.wait();
    }

    const std::string& Name() override { return name_; }

    void IssueQuery(const std::vector<mlperf::QuerySample>& samples) override {
        const auto now = Clock::now();
        {
            std::lock_guard<std::mutex> lock(guard_);
            for (const auto& sample : samples) waiting_.push_back({sample.id, now});
        }
        changed_.notify_all();
    }

    void FlushQueries() override {}

private:
    struct Item {
        mlperf::ResponseId id;
        Clock::time_point since;
    };

    void answered(size_t index) {
        mlperf::QuerySamplesComplete(answers_[index].data(), answers_[index].size());
        {
            std::lock_guard<std::mutex> lock(guard_);
            idle_.push_back(index);
        }
        changed_.notify_all();
    }

    void serve() {
        while (true) {
            std::unique_lock<std::mutex> lock(guard_);
            changed_.wait(lock, [this] { return over_ || (!waiting_.empty() && !idle_.empty()); });
            if (over_) return;
            changed_.wait_until(lock, waiting_.front().since + wait_,
                                [this] { return over_ || waiting_.size() >= batch_; });
            const size_t index = idle_.front();
            idle_.pop_front();
            answers_[index].clear();
            while (!waiting_.empty() && answers_[index].size() < batch_) {
                answers_[index].push_back({waiting_.front().id, 0, 0});
                waiting_.pop_front();
            }
            lock.unlock();
            requests_[index].start_async();
        }
    }

    const std::string name_ = "advice";
    const size_t batch_;
    const Clock::duration wait_;
    std::vector<ov::InferRequest> requests_;
    std::vector<std::vector<mlperf::QuerySampleResponse>> answers_;
    std::deque<size_t> idle_;
    std::deque<Item> waiting_;
    std::mutex guard_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;
};

class Samples : public mlperf::QuerySampleLibrary {
public:
    const std::string& Name() override { return name_; }
    size_t TotalSampleCount() override { return 64; }
    size_t PerformanceSampleCount() override { return 64; }
    void LoadSamplesToRam(const std::vector<mlperf::QuerySampleIndex>&) override {}
    void UnloadSamplesFromRam(const std::vector<mlperf::QuerySampleIndex>&) override {}

private:
    const std::string name_ = "zeros";
};

int main(int count, char** words) {
    const std::string scenario = words[2];
    const double rate = std::stod(words[3]), seconds = std::stod(words[4]);
    std::ifstream blob(words[1], std::ios::binary);
    ov::Core core;
    ov::AnyMap properties;  // a blob does not hold them
    for (int index = 9; index < count; ++index) {
        const std::string word = words[index];
        const auto equals = word.find('=');
        properties[word.substr(0, equals)] = word.substr(equals + 1);
    }
    auto compiled = core.import_model(blob, "CPU", properties);
    Served served(compiled, std::stoul(words[6]), std::stoul(words[5]), std::chrono::duration<double, std::milli>(std::stod(words[7])));

    mlperf::TestSettings settings;
    settings.scenario = scenario == "Server" ? mlperf::TestScenario::Server : mlperf::TestScenario::Offline;
    settings.mode = mlperf::TestMode::PerformanceOnly;
    settings.min_duration_ms = static_cast<uint64_t>(1e3 * seconds);
    settings.min_query_count = scenario == "Server" ? static_cast<uint64_t>(rate * seconds) : 1;
    settings.server_target_qps = settings.offline_expected_qps = rate;
    settings.server_target_latency_percentile = 0.99;
    mlperf::LogSettings logs;
    logs.log_output.outdir = words[8];
    logs.log_output.copy_summary_to_stdout = false;
    Samples samples;
    mlperf::StartTest(&served, &samples, settings, logs);
}
