/* A camera for tests: plays a V4L2 capture device to the program that it is loaded into (LD_PRELOAD),
 * at /dev/videoN, from the folder $FAKE_CAMERA/N: frames one after another in yuyv.raw and mjpeg.raw,
 * each behind its length in four bytes, again and again. Its file `faults` has lines of a word and a
 * number: `busy 1` refuses to be opened, `busy 3` to give pictures, `gone N` is unplugged at frame N,
 * `empty N` gives a frame without bytes there, `broken N` one of nothing but zeros, `odd N` one that says
 * that its memory has another size, `silent 1` never gives one. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#define BUFFERS 8
#define LARGEST (1920 * 1080 * 2)

static int fd_of = -1;          /* one device is open at a time */
static char folder[512];
static uint32_t format = V4L2_PIX_FMT_YUYV, width = 640, height = 480, rate = 30;
static unsigned char *memory[BUFFERS];
static int queued[BUFFERS], count, streaming;
static FILE *frames;
static uint32_t number;
static double due_s;
static int gone_at = -1, empty_at = -1, broken_at = -1, odd_at = -1, silent, busy;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void read_faults(void) {
    char path[600], word[32];
    int at;
    gone_at = empty_at = broken_at = odd_at = -1, silent = busy = 0;
    snprintf(path, sizeof path, "%s/faults", folder);
    FILE *file = fopen(path, "r");
    if (!file) return;
    while (fscanf(file, "%31s %d", word, &at) == 2) {
        if (!strcmp(word, "gone")) gone_at = at;
        if (!strcmp(word, "empty")) empty_at = at;
        if (!strcmp(word, "broken")) broken_at = at;
        if (!strcmp(word, "odd")) odd_at = at;
        if (!strcmp(word, "silent")) silent = at;
        if (!strcmp(word, "busy")) busy = at;
    }
    fclose(file);
}

static int is_gone(void) {
    return gone_at >= 0 && (int)number >= gone_at;
}

static int open_frames(void) {
    char path[600];
    if (frames) fclose(frames);
    snprintf(path, sizeof path, "%s/%s.raw", folder, format == V4L2_PIX_FMT_MJPEG ? "mjpeg" : "yuyv");
    frames = fopen(path, "rb");
    return frames ? 0 : -1;
}

static int camera_number(const char *path) {
    int n;
    char rest;
    return path && sscanf(path, "/dev/video%d%c", &n, &rest) == 1 ? n : -1;
}

static int open_camera(int n) {
    const char *root = getenv("FAKE_CAMERA");
    if (!root) return errno = ENOENT, -1;
    snprintf(folder, sizeof folder, "%s/%d", root, n);
    if (access(folder, F_OK)) return errno = ENOENT, -1;
    read_faults();
    if (busy == 1) return errno = EBUSY, -1;
    fd_of = eventfd(0, EFD_NONBLOCK);
    number = 0, streaming = 0, count = 0;
    return fd_of;
}

#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

int open(const char *path, int flags, ...) {
    int n = camera_number(path);
    if (n >= 0) return open_camera(n);
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    return REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    int n = camera_number(path);
    if (n >= 0) return open_camera(n);
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    return REAL(open64)(path, flags, mode);
}

int close(int fd) {
    if (fd >= 0 && fd == fd_of) fd_of = -1, streaming = 0;
    return REAL(close)(fd);
}

static int failed(int why) { return errno = why, -1; }

static void fill(struct v4l2_format *f) {
    memset(&f->fmt.pix, 0, sizeof f->fmt.pix);
    f->fmt.pix.width = width, f->fmt.pix.height = height, f->fmt.pix.pixelformat = format;
    f->fmt.pix.field = V4L2_FIELD_NONE;
    f->fmt.pix.bytesperline = format == V4L2_PIX_FMT_YUYV ? 2 * width : 0;
    f->fmt.pix.sizeimage = 2 * width * height;
    f->fmt.pix.colorspace = V4L2_COLORSPACE_SRGB;
}

static int dequeue(struct v4l2_buffer *b) {
    if (is_gone()) return failed(ENODEV);
    if (!streaming) return failed(EINVAL);
    if (silent || now_s() < due_s) return failed(EAGAIN);
    int at = -1;
    for (int i = 0; i < count && at < 0; i++) if (queued[i]) at = i;
    if (at < 0) return failed(EAGAIN);
    uint32_t size = 0;
    if (fread(&size, 4, 1, frames) != 1) {
        rewind(frames);
        if (fread(&size, 4, 1, frames) != 1) return failed(EIO);
    }
    if (size > LARGEST || fread(memory[at], 1, size, frames) != size) return failed(EIO);
    if ((int)number == broken_at) memset(memory[at], 0, size);
    if ((int)number == empty_at) size = 0;
    b->length = (int)number == odd_at ? LARGEST / 2 : LARGEST, b->m.offset = (at + 1) * 0x10000000u;
    b->index = at, b->bytesused = size, b->sequence = number++, b->field = V4L2_FIELD_NONE;
    b->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_MAPPED, b->memory = V4L2_MEMORY_MMAP;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    b->timestamp.tv_sec = t.tv_sec, b->timestamp.tv_usec = t.tv_nsec / 1000;
    queued[at] = 0, due_s = now_s() + 1.0 / rate;
    return 0;
}

static int answer(unsigned long request, void *argument) {
    if (is_gone() && request != VIDIOC_DQBUF) return failed(ENODEV);
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *c = argument;
        memset(c, 0, sizeof *c);
        strcpy((char *)c->driver, "fake"), strcpy((char *)c->card, "Test camera"), strcpy((char *)c->bus_info, "platform:fake");
        c->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS;
        c->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    }
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *d = argument;
        if (d->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || d->index > 1) return failed(EINVAL);
        d->pixelformat = d->index ? V4L2_PIX_FMT_MJPEG : V4L2_PIX_FMT_YUYV, d->flags = d->index ? V4L2_FMT_FLAG_COMPRESSED : 0;
        strcpy((char *)d->description, d->index ? "Motion-JPEG" : "YUYV 4:2:2");
        return 0;
    }
    case VIDIOC_ENUM_FRAMESIZES: {
        struct v4l2_frmsizeenum *s = argument;
        if (s->index) return failed(EINVAL);
        s->type = V4L2_FRMSIZE_TYPE_DISCRETE, s->discrete.width = width, s->discrete.height = height;
        return 0;
    }
    case VIDIOC_ENUM_FRAMEINTERVALS: {
        struct v4l2_frmivalenum *v = argument;
        if (v->index) return failed(EINVAL);
        v->type = V4L2_FRMIVAL_TYPE_DISCRETE, v->discrete.numerator = 1, v->discrete.denominator = rate;
        return 0;
    }
    case VIDIOC_G_FMT:
        fill(argument);
        return 0;
    case VIDIOC_TRY_FMT:
    case VIDIOC_S_FMT: {
        struct v4l2_format *f = argument;
        uint32_t wanted = f->fmt.pix.pixelformat;
        if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return failed(EINVAL);
        if (request == VIDIOC_S_FMT && busy == 2) return failed(EBUSY);
        uint32_t before = format;
        if (wanted == V4L2_PIX_FMT_YUYV || wanted == V4L2_PIX_FMT_MJPEG) format = wanted;
        fill(f);
        if (request == VIDIOC_TRY_FMT) format = before;
        return 0;
    }
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: {
        struct v4l2_streamparm *p = argument;
        p->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        p->parm.capture.timeperframe.numerator = 1, p->parm.capture.timeperframe.denominator = rate;
        return 0;
    }
    case VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *r = argument;
        if (r->memory != V4L2_MEMORY_MMAP) return failed(EINVAL);
        if (r->count > BUFFERS) r->count = BUFFERS;
        count = r->count;
        for (int i = 0; i < count; i++) queued[i] = 0;
        return 0;
    }
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *b = argument;
        if ((int)b->index >= count) return failed(EINVAL);
        b->length = LARGEST, b->m.offset = (b->index + 1) * 0x10000000u, b->memory = V4L2_MEMORY_MMAP;
        return 0;
    }
    case VIDIOC_QBUF: {
        struct v4l2_buffer *b = argument;
        if ((int)b->index >= count) return failed(EINVAL);
        queued[b->index] = 1;
        return 0;
    }
    case VIDIOC_DQBUF:
        return dequeue(argument);
    case VIDIOC_STREAMON:
        if (busy == 3) return failed(EBUSY);
        if (open_frames()) return failed(EIO);
        streaming = 1, due_s = now_s();
        return 0;
    case VIDIOC_STREAMOFF:
        streaming = 0;
        return 0;
    case VIDIOC_ENUMINPUT: {
        struct v4l2_input *in = argument;
        if (in->index) return failed(EINVAL);
        strcpy((char *)in->name, "Camera"), in->type = V4L2_INPUT_TYPE_CAMERA;
        return 0;
    }
    case VIDIOC_G_INPUT:
        *(int *)argument = 0;
        return 0;
    case VIDIOC_S_INPUT:
        return 0;
    default:
        return failed(ENOTTY);
    }
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (fd >= 0 && fd == fd_of) {
        return answer(request, argument);
    }
    return REAL(ioctl)(fd, request, argument);
}

static void *mapped(off_t offset, size_t length) {
    int at = (int)(offset / 0x10000000) - 1;
    if (at < 0 || at >= BUFFERS) return errno = EINVAL, MAP_FAILED;
    memory[at] = REAL(mmap)(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory[at];
}

void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset) {
    return fd >= 0 && fd == fd_of ? mapped(offset, length) : REAL(mmap)(addr, length, prot, flags, fd, offset);
}

void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off_t offset) {
    return fd >= 0 && fd == fd_of ? mapped(offset, length) : REAL(mmap)(addr, length, prot, flags, fd, offset);
}

/* Wait until a frame is due, at most so long; 1 is ready, 0 not in time. */
static int wait_s(double limit_s) {
    double end_s = now_s() + limit_s;
    for (;;) {
        if (is_gone()) return 1;
        if (streaming && !silent && now_s() >= due_s) return 1;
        if (now_s() >= end_s) return 0;
        usleep(1000);
    }
}

int select(int n, fd_set *in, fd_set *out, fd_set *odd, struct timeval *limit) {
    if (in && fd_of >= 0 && fd_of < n && FD_ISSET(fd_of, in)) {
        int ready = wait_s(limit ? limit->tv_sec + limit->tv_usec / 1e6 : 1e9);
        FD_ZERO(in);
        if (ready) FD_SET(fd_of, in);
        return ready;
    }
    return REAL(select)(n, in, out, odd, limit);
}

int poll(struct pollfd *several, nfds_t n, int limit_ms) {
    for (nfds_t i = 0; i < n; i++)
        if (fd_of >= 0 && several[i].fd == fd_of) {
            int ready = wait_s(limit_ms < 0 ? 1e9 : limit_ms / 1e3);
            several[i].revents = ready ? (is_gone() ? POLLERR | POLLHUP : POLLIN) : 0;
            return ready;
        }
    return REAL(poll)(several, n, limit_ms);
}
