// An open loop: a request is started at each of the times in a file, or as soon as one is idle.
// usage: arrivals MODEL STREAMS REQUESTS TIMES [SHAPE], with seconds in TIMES, one a line.
// Prints by how many milliseconds starts were late on average, the first fifth not counted.
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <iostream>
#include <mutex>
#include <queue>
#include <sstream>
#include <thread>
#include <vector>

#include <openvino/openvino.hpp>

using Clock = std::chrono::steady_clock;

int main(int count, char** words) {
    ov::Core core;
    auto model = core.read_model(words[1]);
    if (count > 5) {
        std::vector<size_t> shape;
        std::stringstream text(words[5]);
        for (std::string part; std::getline(text, part, ',');) shape.push_back(std::stoul(part));
        model->reshape(ov::PartialShape(ov::Shape(shape)));
    }
    auto compiled = core.compile_model(model, "CPU", ov::num_streams(std::stoi(words[2])));
    std::vector<double> times;
    std::ifstream file(words[4]);
    for (double time; file >> time;) times.push_back(time);

    struct Idle {
        size_t index;
        Clock::time_point since;
    };
    std::vector<ov::InferRequest> requests;
    std::mutex guard;
    std::condition_variable freed;
    std::queue<Idle> idle;
    for (size_t index = 0; index < std::stoul(words[3]); ++index) {
        requests.push_back(compiled.create_infer_request());
        for (size_t input = 0; input < compiled.inputs().size(); ++input) {
            auto tensor = requests[index].get_input_tensor(input);
            std::memset(tensor.data(), 0, tensor.get_byte_size());
        }
        requests[index].set_callback([&, index](std::exception_ptr) {
            std::lock_guard<std::mutex> lock(guard);
            idle.push({index, Clock::now()});
            freed.notify_one();
        });
        idle.push({index, Clock::now()});
    }
    const auto began = Clock::now();
    double late_s = 0;
    size_t counted = 0;
    for (size_t item = 0; item < times.size(); ++item) {
        const auto due = began + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(times[item]));
        Idle next;
        {
            std::unique_lock<std::mutex> lock(guard);
            freed.wait(lock, [&] { return !idle.empty(); });
            next = idle.front();
            idle.pop();
        }
        std::this_thread::sleep_until(due);
        const auto started = Clock::now();
        requests[next.index].start_async();
        if (item >= times.size() / 5) {
            late_s += std::chrono::duration<double>(started - std::max(due, next.since)).count();
            ++counted;
        }
    }
    {
        std::unique_lock<std::mutex> lock(guard);
        freed.wait(lock, [&] { return idle.size() == requests.size(); });
    }
    std::cout << 1e3 * late_s / counted << std::endl;
}
