// A plain asynchronous loop: every request in flight, an idle one is started again at once.
// usage: loop MODEL STREAMS REQUESTS SECONDS [SHAPE], e.g. loop m.xml 2 2 3 1,32; prints inferences per second.
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <iostream>
#include <mutex>
#include <queue>
#include <sstream>
#include <vector>

#include <openvino/openvino.hpp>

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
    std::vector<ov::InferRequest> requests;
    std::mutex guard;
    std::condition_variable freed;
    std::queue<size_t> idle;
    for (size_t index = 0; index < std::stoul(words[3]); ++index) {
        requests.push_back(compiled.create_infer_request());
        for (size_t input = 0; input < compiled.inputs().size(); ++input) {
            auto tensor = requests[index].get_input_tensor(input);
            std::memset(tensor.data(), 0, tensor.get_byte_size());
            if (tensor.get_element_type() == ov::element::f32)  // zeros are cheap to multiply; token ids stay zero
                for (size_t at = 0; at < tensor.get_size(); ++at) tensor.data<float>()[at] = at % 997 / 997.f;
        }
        requests[index].set_callback([&, index](std::exception_ptr) {
            std::lock_guard<std::mutex> lock(guard);
            idle.push(index);
            freed.notify_one();
        });
        idle.push(index);
    }
    auto run = [&](double seconds) {
        const auto begin = std::chrono::steady_clock::now();
        size_t started = 0;
        auto passed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
        while (passed() < seconds) {
            size_t index;
            {
                std::unique_lock<std::mutex> lock(guard);
                freed.wait(lock, [&] { return !idle.empty(); });
                index = idle.front();
                idle.pop();
            }
            requests[index].start_async();
            ++started;
        }
        std::unique_lock<std::mutex> lock(guard);
        freed.wait(lock, [&] { return idle.size() == requests.size(); });
        return started / passed();
    };
    run(0.3);
    std::cout << run(std::stod(words[4])) << std::endl;
}
