// sink.h: providers that the drivers meet: an SMTP server and an HTTP server on loopback that take
// everything, until a test tells them how to misbehave.
#ifndef TESTS_UNIT_AGENTS_ENGAGE_SINK_H
#define TESTS_UNIT_AGENTS_ENGAGE_SINK_H

#include "base/base.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace sink
{

// A listener that has a thread for each connection.
class Listener
{
  public:
    explicit Listener(std::function<void(int)> serve) : serve_(std::move(serve))
    {
        sockaddr_in at = {};
        socklen_t n = sizeof at;
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd_ = socket(AF_INET, SOCK_STREAM, 0);
        EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr *>(&at), sizeof at), 0);
        EXPECT_EQ(listen(fd_, 64), 0);
        EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr *>(&at), &n), 0);
        port = ntohs(at.sin_port);
        thread_ = std::thread([this] { accept_all(); });
    }
    ~Listener()
    {
        shutdown(fd_, SHUT_RDWR);
        thread_.join();
        close(fd_);
        hang_up();
        for (auto &t : threads_)
            t.join();
    }
    // Every open connection, without a word.
    void hang_up()
    {
        std::lock_guard<std::mutex> hold(lock_);
        for (int c : open_)
            shutdown(c, SHUT_RDWR);
    }

    // Until they have ended by themselves; then the CPU time that all threads of connections took.
    int64_t cpu_us()
    {
        while (open())
            usleep(1000);
        return cpu_us_;
    }

    unsigned port = 0;
    std::atomic<int> connections{ 0 };

  private:
    bool open()
    {
        std::lock_guard<std::mutex> hold(lock_);
        return !open_.empty();
    }
    void accept_all()
    {
        for (int c; (c = accept(fd_, nullptr, nullptr)) >= 0;) {
            connections++;
            std::lock_guard<std::mutex> hold(lock_);
            open_.insert(c);
            threads_.emplace_back([this, c] {
                serve_(c);
                std::lock_guard<std::mutex> ending(lock_);
                timespec t;
                clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
                cpu_us_ += t.tv_sec * 1000000 + t.tv_nsec / 1000;
                open_.erase(c);
                close(c);
            });
        }
    }

    std::function<void(int)> serve_;
    int fd_;
    int64_t cpu_us_ = 0;
    std::mutex lock_;
    std::set<int> open_;
    std::vector<std::thread> threads_;
    std::thread thread_;
};

class Lines
{
  public:
    explicit Lines(int fd) : fd_(fd) {}
    // False at the end. Without CRLF.
    bool next(std::string *ret)
    {
        for (size_t end; (end = text_.find("\r\n")) == std::string::npos;)
            if (!more())
                return false;
            else
                continue;
        size_t end = text_.find("\r\n");
        *ret = text_.substr(0, end);
        text_.erase(0, end + 2);
        return true;
    }
    bool bytes(size_t n, std::string *ret)
    {
        while (text_.size() < n)
            if (!more())
                return false;
        *ret = text_.substr(0, n);
        text_.erase(0, n);
        return true;
    }
    bool say(const std::string &s)
    {
        return send(fd_, s.data(), s.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(s.size());
    }

  private:
    bool more()
    {
        char part[4096];
        ssize_t n = recv(fd_, part, sizeof part, 0);
        if (n > 0)
            text_.append(part, static_cast<size_t>(n));
        return n > 0;
    }
    int fd_;
    std::string text_;
};

// What it does at a step (GREETING, EHLO, AUTH, MAIL, RCPT, DATA, BODY, END): answers this, or hangs up
// ("CUT"), or says nothing until the other side hangs up ("HANG"). A step without a row is answered well.
class Smtp
{
  public:
    // The mails that were answered with 250, and those that were taken though the answer never left.
    std::vector<std::string> mails()
    {
        std::lock_guard<std::mutex> hold(lock_);
        return mails_;
    }
    void at(const std::string &step, const std::string &what)
    {
        std::lock_guard<std::mutex> hold(lock_);
        steps_[step] = what;
    }
    std::atomic<int> taken{ 0 }; // mails
    std::string last_login, last_from, last_to;
    Listener listener{ [this](int fd) { serve(fd); } };

  private:
    std::string plan(const std::string &step)
    {
        std::lock_guard<std::mutex> hold(lock_);
        auto found = steps_.find(step);
        return found == steps_.end() ? "" : found->second;
    }
    // False where the connection is over.
    bool answer(Lines &l, const std::string &step, const std::string &well)
    {
        std::string what = plan(step), rest;
        if (what == "CUT")
            return false;
        while (what == "HANG")
            if (!l.next(&rest))
                return false;
        return l.say((what.empty() ? well : what) + "\r\n");
    }
    bool take(Lines &l)
    {
        std::string mail, line;
        if (!answer(l, "DATA", "354 go on"))
            return false;
        if (!plan("DATA").empty())
            return true;
        while (l.next(&line) && line != ".") {
            if (plan("BODY") == "CUT")
                return false;
            mail += (line[0] == '.' ? line.substr(1) : line) + "\r\n";
        }
        if (line != ".")
            return false;
        std::string what = plan("END");
        if (what.empty() || what == "CUT" || what == "HANG" || what[0] == '2') {
            std::lock_guard<std::mutex> hold(lock_);
            mails_.push_back(mail);
            taken++;
        }
        return answer(l, "END", "250 taken");
    }
    void serve(int fd)
    {
        static const std::pair<const char *, const char *> steps[] = {
            { "EHLO", "250-sink.example\r\n250 AUTH PLAIN" },
            { "AUTH", "235 in" },
            { "MAIL", "250 ok" },
            { "RCPT", "250 ok" },
            { "NOOP", "250 ok" },
        };
        Lines l(fd);
        std::string line;
        if (!answer(l, "GREETING", "220 sink.example"))
            return;
        while (l.next(&line)) {
            std::string step = line.substr(0, 4);
            bool on = false, known = false;
            note(step, line);
            if (step == "DATA")
                known = true, on = take(l);
            for (auto &[name, well] : steps)
                if (step == name)
                    known = true, on = answer(l, step, well);
            if (step == "QUIT") {
                answer(l, step, "221 bye");
                return;
            }
            if (!known)
                on = l.say("500 what\r\n");
            if (!on)
                return;
        }
    }
    void note(const std::string &step, const std::string &line)
    {
        std::lock_guard<std::mutex> hold(lock_);
        (step == "AUTH"   ? last_login
         : step == "MAIL" ? last_from
         : step == "RCPT" ? last_to
                          : unused_) = line;
    }

    std::mutex lock_;
    std::map<std::string, std::string> steps_;
    std::vector<std::string> mails_;
    std::string unused_;
};

// Takes each idempotency key once. `answer` is what it says, headers included; "CUT" hangs up after the
// request was taken, "HANG" says nothing.
class Http
{
  public:
    struct Post {
        std::string line, body;
        std::map<std::string, std::string> headers; // names in lower case
    };
    std::vector<Post> posts()
    {
        std::lock_guard<std::mutex> hold(lock_);
        return posts_;
    }
    std::string url(const std::string &host = "127.0.0.1")
    {
        return "http://" + host + ":" + std::to_string(listener.port) + "/hook";
    }
    void answer(const std::string &what)
    {
        std::lock_guard<std::mutex> hold(lock_);
        answer_ = what;
    }
    // What it says to the next request alone.
    void once(const std::string &what)
    {
        std::lock_guard<std::mutex> hold(lock_);
        once_ = what;
    }
    Listener listener{ [this](int fd) { serve(fd); } };

  private:
    static bool read(Lines &l, Post *ret)
    {
        std::string line;
        if (!l.next(&ret->line))
            return false;
        while (l.next(&line) && !line.empty()) {
            size_t colon = line.find(": ");
            std::string name = line.substr(0, colon);
            for (char &ch : name)
                ch = static_cast<char>(tolower(ch));
            ret->headers[name] = line.substr(colon + 2);
        }
        return l.bytes(std::stoul("0" + ret->headers["content-length"]), &ret->body);
    }
    void serve(int fd)
    {
        Lines l(fd);
        for (Post p; read(l, &p); p = Post()) {
            std::string what;
            {
                std::lock_guard<std::mutex> hold(lock_);
                posts_.push_back(p);
                what = once_.empty() ? answer_ : once_;
                once_.clear();
            }
            if (what == "CUT")
                return;
            std::string rest;
            if (what == "HANG")
                while (l.next(&rest))
                    continue;
            else if (!l.say("HTTP/1.1 " + what))
                return;
        }
    }

    std::mutex lock_;
    std::vector<Post> posts_;
    std::string answer_ = "200 OK\r\nContent-Length: 2\r\n\r\nok", once_;
};

} // namespace sink

#endif
