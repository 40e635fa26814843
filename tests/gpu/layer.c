/* An OpenCL layer that shows a runtime for processors as an integrated GPU of Intel's.

   OpenCL's loader puts a layer between a program and its runtimes (OPENCL_LAYERS; CL/cl_layer.h). Every call
   goes on to the runtime as it came, but for those below: what the device says of itself, and what
   kernels written for a GPU need. The runtime's own code and tables stay as they are. */
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl_layer.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static cl_icd_dispatch shown; /* what programs call */
static const cl_icd_dispatch *runtime;

/* 1. What the device says of itself. Numbers without a name in the headers of 2022 are those of
      cl_intel_device_attribute_query and cl_intel_required_subgroup_size. */

static cl_int answer(const void *value, size_t size, size_t room, void *out, size_t *needed) {
    if (needed) *needed = size;
    if (out && room < size) return CL_INVALID_VALUE;
    if (out) memcpy(out, value, size);
    return CL_SUCCESS;
}
#define ANSWER(type, ...)                                        \
    do {                                                         \
        type value[] = {__VA_ARGS__};                            \
        return answer(value, sizeof value, room, out, needed);   \
    } while (0)

static cl_int CL_API_CALL device_info(cl_device_id device, cl_device_info what, size_t room, void *out, size_t *needed) {
    static const char name[] = "Intel(R) Iris(R) Xe Graphics [0x46a6]";
    switch (what) {
    case CL_DEVICE_TYPE: ANSWER(cl_device_type, CL_DEVICE_TYPE_GPU);
    case CL_DEVICE_NAME: return answer(name, sizeof name, room, out, needed);
    case CL_DEVICE_HOST_UNIFIED_MEMORY: ANSWER(cl_bool, CL_TRUE);
    case CL_DEVICE_PARTITION_MAX_SUB_DEVICES: ANSWER(cl_uint, 0);
    case CL_DEVICE_MAX_COMPUTE_UNITS: ANSWER(cl_uint, 96);
    case CL_DEVICE_MAX_CLOCK_FREQUENCY: ANSWER(cl_uint, 1400);
    case CL_DEVICE_MAX_WORK_GROUP_SIZE: ANSWER(size_t, 512);
    case CL_DEVICE_GLOBAL_MEM_SIZE: ANSWER(cl_ulong, 6ul << 30);
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE: ANSWER(cl_ulong, 3ul << 30);
    case CL_DEVICE_LOCAL_MEM_SIZE: ANSWER(cl_ulong, 64 << 10);
    case 0x4108: ANSWER(size_t, 8, 16, 32);                  /* sizes of sub-groups */
    case 0x4250: ANSWER(cl_uint, 12 << 22 | 3 << 14);        /* architecture 12.3: without matrix units, so without oneDNN */
    case 0x4251: ANSWER(cl_uint, 0x46a6);                    /* device id */
    case 0x4252: ANSWER(cl_uint, 1);                         /* slices */
    case 0x4253: ANSWER(cl_uint, 6);                         /* sub-slices in a slice */
    case 0x4254: ANSWER(cl_uint, 16);                        /* execution units in a sub-slice */
    case 0x4255: ANSWER(cl_uint, 7);                         /* threads in an execution unit */
    case 0x4256: ANSWER(cl_bitfield, 1);                     /* features: products of four INT8 */
    }
    return runtime->clGetDeviceInfo(device, what, room, out, needed);
}

/* A GPU that is unplugged: there is no device while a file of the name in EMULATED_GPU_GONE exists. */
static cl_int CL_API_CALL device_ids(cl_platform_id platform, cl_device_type type, cl_uint room, cl_device_id *out,
                                     cl_uint *count) {
    const char *gone = getenv("EMULATED_GPU_GONE");
    if (gone && access(gone, F_OK) == 0) return CL_DEVICE_NOT_FOUND;
    return runtime->clGetDeviceIDs(platform, type, room, out, count);
}

/* 2. Work-groups. A GPU cuts sub-groups out of a group's linear local ids, a processor's runtime out of its
      first dimension only. So groups of several dimensions are launched as lines; their true sizes travel in the
      global offset, and kernels compute their ids back from it. */

static const char prelude[] =
    "#define WIDTH get_global_offset(1)\n"
    "#define HEIGHT get_global_offset(2)\n"
    "inline size_t group_size(uint d) {\n"
    "    return WIDTH == 0 ? get_local_size(d) : d == 0 ? WIDTH : d == 1 ? HEIGHT\n"
    "         : d == 2 ? get_local_size(0) / (WIDTH * HEIGHT) : 1;\n"
    "}\n"
    "inline size_t place_in_group(uint d) {\n"
    "    size_t at = get_local_id(0);\n"
    "    return WIDTH == 0 ? get_local_id(d) : d == 0 ? at % WIDTH : d == 1 ? at / WIDTH % HEIGHT\n"
    "         : d == 2 ? at / (WIDTH * HEIGHT) : 0;\n"
    "}\n"
    "inline size_t place(uint d) {\n"
    "    return WIDTH == 0 ? get_global_id(d) : get_group_id(d) * group_size(d) + place_in_group(d);\n"
    "}\n"
    "inline size_t whole_size(uint d) {\n"
    "    return WIDTH == 0 ? get_global_size(d) : get_num_groups(d) * group_size(d);\n"
    "}\n"
    "inline size_t linear_place(void) { return (place(2) * whole_size(1) + place(1)) * whole_size(0) + place(0); }\n"
    "#define get_local_size group_size\n"
    "#define get_enqueued_local_size group_size\n"
    "#define get_local_id place_in_group\n"
    "#define get_global_id place\n"
    "#define get_global_size whole_size\n"
    "#define get_global_linear_id linear_place\n"
    "#define get_global_offset(d) 0\n"
    "#define reqd_work_group_size(x, y, z)\n";

static cl_program CL_API_CALL program_with_source(cl_context context, cl_uint count, const char **texts,
                                                  const size_t *sizes, cl_int *status) {
    const char *all[count + 1];
    size_t lengths[count + 1];
    all[0] = prelude;
    lengths[0] = 0; /* up to its end */
    for (cl_uint i = 0; i < count; i++) {
        all[i + 1] = texts[i];
        lengths[i + 1] = sizes ? sizes[i] : 0;
    }
    return runtime->clCreateProgramWithSource(context, count + 1, all, lengths, status);
}

enum { LONGEST_SUB_GROUP = 32 };

static cl_int start(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset,
                    const size_t *whole, const size_t *group, cl_uint count, const cl_event *after, cl_event *event) {
    size_t size[3] = {1, 1, 1}, all[3] = {1, 1, 1};
    for (cl_uint i = 0; i < dimensions; i++) {
        all[i] = whole[i];
        size[i] = group ? group[i] : 1;
    }
    if (!group || offset || size[1] * size[2] == 1 || size[0] % LONGEST_SUB_GROUP == 0)
        return runtime->clEnqueueNDRangeKernel(queue, kernel, dimensions, offset, whole, group, count, after, event);
    size_t line[3] = {size[0] * size[1] * size[2], 1, 1}, sizes[3] = {0, size[0], size[1]};
    for (int i = 0; i < 3; i++) all[i] /= size[i];
    all[0] *= line[0];
    return runtime->clEnqueueNDRangeKernel(queue, kernel, 3, sizes, all, line, count, after, event);
}

/* 3. One launch or wait at a time, each finished before the next: threads that wait at once can wait for ever. */

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static cl_int CL_API_CALL launch(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t *offset,
                                 const size_t *whole, const size_t *group, cl_uint count, const cl_event *after,
                                 cl_event *event) {
    pthread_mutex_lock(&turn);
    cl_int status = start(queue, kernel, dimensions, offset, whole, group, count, after, event);
    if (status == CL_SUCCESS) runtime->clFinish(queue);
    pthread_mutex_unlock(&turn);
    return status;
}

static cl_int CL_API_CALL finish(cl_command_queue queue) {
    pthread_mutex_lock(&turn);
    cl_int status = runtime->clFinish(queue);
    pthread_mutex_unlock(&turn);
    return status;
}

static cl_int CL_API_CALL wait_for_events(cl_uint count, const cl_event *events) {
    pthread_mutex_lock(&turn);
    cl_int status = runtime->clWaitForEvents(count, events);
    pthread_mutex_unlock(&turn);
    return status;
}

/* 4. The plugin clones kernels whose program it has released; this runtime would have forgotten that one. */
static cl_int CL_API_CALL keep_program(cl_program program) {
    (void)program;
    return CL_SUCCESS;
}

/* 5. The layer itself. The runtime's own loader asks for entries that are younger than the headers of 2022. */

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t room, void *out, size_t *needed) {
    static const char name[] = "a processor as a GPU";
    switch (what) {
    case CL_LAYER_API_VERSION: ANSWER(cl_layer_api_version, CL_LAYER_API_VERSION_100);
    case CL_LAYER_NAME: return answer(name, sizeof name, room, out, needed);
    }
    return CL_INVALID_VALUE;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayerWithProperties(cl_uint entries, const cl_icd_dispatch *below, cl_uint *count,
                                                          const cl_icd_dispatch **layer, const void *properties) {
    const size_t ours = sizeof shown / sizeof(void *);
    (void)properties;
    if (!below || !count || !layer) return CL_INVALID_VALUE;
    memcpy(&shown, below, (entries < ours ? entries : ours) * sizeof(void *));
    runtime = below;
    shown.clGetDeviceInfo = device_info;
    shown.clGetDeviceIDs = device_ids;
    shown.clCreateProgramWithSource = program_with_source;
    shown.clReleaseProgram = keep_program;
    shown.clEnqueueNDRangeKernel = launch;
    shown.clFinish = finish;
    shown.clWaitForEvents = wait_for_events;
    *count = ours;
    *layer = &shown;
    return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL clDeinitLayer(void) { return CL_SUCCESS; }
