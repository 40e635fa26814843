// Faults on order: a library that is loaded first, with LD_PRELOAD, into a search and its lanes.
//
// Environment variables say what is to happen (see inject.py). A process is a lane from the moment it compiles a model;
// the search itself and the fork server compile none. Storage and clock are disturbed in every process.

#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Stand for classes of OpenVINO that are returned through memory; only their size is used, and not less is there.
struct Returned {
    void* parts[8];
    ~Returned() {}
};

struct Any {
    void* parts[8];
};

using Properties = std::map<std::string, Any>;

namespace {

const char* text(const char* name) {
    const char* value = getenv(name);
    return value ? value : "";
}

long number(const char* name, long otherwise) {
    const char* value = text(name);
    return *value ? atol(value) : otherwise;
}

bool is(const char* name, const char* value) { return strcmp(text(name), value) == 0; }

double now_s(clockid_t clock = CLOCK_MONOTONIC) {
    timespec time{};
    syscall(SYS_clock_gettime, clock, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

// Appends a line to a file of the log; returns how many bytes the file has then. No two processes get the same answer.
long append(const char* ending, const char* line) {
    const std::string path = std::string(text("FAULT_LOG")) + ending;
    const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) return 0;
    flock(file, LOCK_EX);
    syscall(SYS_write, file, line, strlen(line));
    struct stat found {};
    fstat(file, &found);
    close(file);
    return found.st_size;
}

void note_strike() {
    char line[64];
    snprintf(line, sizeof line, "%.3f %d\n", now_s(), getpid());
    append("", line);
}

std::atomic<bool> chosen{false};  // this process is a lane that is to suffer
std::atomic<long> inferences{0}, messages{0}, writes{0};

void strike() {
    note_strike();
    if (is("FAULT_ACTION", "segfault")) raise(SIGSEGV);
    if (is("FAULT_ACTION", "abort")) abort();
    if (is("FAULT_ACTION", "kill")) raise(SIGKILL);
    if (is("FAULT_ACTION", "hang"))
        for (;;) pause();
    if (is("FAULT_ACTION", "slow")) {
        const double until = now_s() + number("FAULT_SECONDS", 60);
        while (now_s() < until) usleep(50000);
    }
    if (is("FAULT_ACTION", "chatter")) {
        const char line[] = "plugin: something that nobody asked for\n";
        for (int count = 0; count < 10000; ++count)
            for (int file : {1, 2}) syscall(SYS_write, file, line, sizeof line - 1);
    }
}

// Whether this lane is one of the chosen, counted in the order in which they compile.
bool is_chosen(bool has_property) {
    if (!*text("FAULT_ACTION") || (*text("FAULT_ONLY") && !has_property)) return false;
    const long lane = append(".lanes", ".");
    return lane >= number("FAULT_FIRST", 1) && lane <= number("FAULT_LAST", LONG_MAX);
}

template <typename Function>
Function* in_openvino(const char* name) {
    static void* library = dlopen(OPENVINO, RTLD_LAZY | RTLD_NOLOAD);
    return reinterpret_cast<Function*>(dlsym(library, name));
}

// Whether the file lies in the folder whose writes are disturbed.
bool in_disturbed_folder(int file) {
    const char* folder = text("FAULT_FOLDER");
    if (!*folder) return false;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    return length > 0 && strncmp(path, folder, strlen(folder)) == 0;
}

// Whether a write into the disturbed folder must fail; where it is to be the last, half of it is done before.
template <typename Write>
bool write_fails(int file, size_t size, Write write_some) {
    if (!in_disturbed_folder(file)) return false;
    const long count = ++writes;
    const long first = number("FAULT_WRITE", LONG_MAX);
    if (count < first) return false;
    if (count == first) note_strike();
    if (is("FAULT_STORAGE", "kill")) {
        write_some(size / 2);
        raise(SIGKILL);
    }
    errno = ENOSPC;
    return true;
}

}  // namespace

Returned compile_model(void*, const void*, const std::string&, const Properties&) __asm__(COMPILE_MODEL);
Returned compile_model(void* core, const void* model, const std::string& device, const Properties& properties) {
    chosen = is_chosen(properties.count(text("FAULT_ONLY")) > 0);
    if (chosen && is("FAULT_WHERE", "compile")) strike();
    return in_openvino<Returned(void*, const void*, const std::string&, const Properties&)>(COMPILE_MODEL)(
        core, model, device, properties);
}

// Every inference on a CPU calls it; it has nothing to do for tensors that are not batched.
extern "C" void _ZN2ov17ISyncInferRequest23convert_batched_tensorsEv() {
    if (chosen && is("FAULT_WHERE", "inference") && ++inferences == number("FAULT_AFTER", 0) + 1) strike();
}

#define GET_TENSOR "_ZN2ov12InferRequest10get_tensorERKNS_6OutputIKNS_4NodeEEE"
Returned get_tensor(void*, const void*) __asm__(GET_TENSOR);
Returned get_tensor(void* request, const void* port) {
    Returned tensor = in_openvino<Returned(void*, const void*)>(GET_TENSOR)(request, port);
    if (chosen && is("FAULT_WHERE", "outputs")) {
        auto data = in_openvino<void*(const void*)>("_ZNK2ov6Tensor4dataEv");
        auto size = in_openvino<size_t(const void*)>("_ZNK2ov6Tensor13get_byte_sizeEv");
        auto* values = static_cast<float*>(data(&tensor));
        note_strike();
        for (size_t at = 0; at < size(&tensor) / sizeof(float); ++at)
            values[at] = is("FAULT_ACTION", "nan") ? __builtin_nanf("") : static_cast<float>(rand()) / RAND_MAX;
    }
    return tensor;
}

extern "C" ssize_t write(int file, const void* data, size_t size) {
    struct stat found {};
    if (chosen && is("FAULT_WHERE", "message") && fstat(file, &found) == 0 && S_ISSOCK(found.st_mode) &&
        ++messages == number("FAULT_AFTER", 0) + 1) {
        syscall(SYS_write, file, data, size / 2);
        strike();
    }
    if (write_fails(file, size, [&](size_t some) { syscall(SYS_write, file, data, some); })) return -1;
    return syscall(SYS_write, file, data, size);
}

extern "C" ssize_t pwrite64(int file, const void* data, size_t size, off64_t offset) {
    auto some = [&](size_t count) { syscall(SYS_pwrite64, file, data, count, offset); };
    if (write_fails(file, size, some)) return -1;
    return syscall(SYS_pwrite64, file, data, size, offset);
}

extern "C" ssize_t pwrite(int file, const void* data, size_t size, off_t offset) {
    return pwrite64(file, data, size, offset);
}

// The time of day jumps back some time after the process began.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
    static const double began_s = now_s();
    const long failed = syscall(SYS_clock_gettime, clock, time);
    if (!failed && clock == CLOCK_REALTIME && *text("FAULT_CLOCK_BACK_S") &&
        now_s() - began_s > number("FAULT_CLOCK_AFTER_S", 2))
        time->tv_sec -= number("FAULT_CLOCK_BACK_S", 0);
    return failed ? -1 : 0;
}
