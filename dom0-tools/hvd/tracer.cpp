// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvd/tracer.hpp"

#include <ringfold/event.h>
#include <ringfold/trace.h>

namespace ringfold::tools {

Outcome<void> Tracer::start(uint32_t classes, std::size_t limit) {
    if (runs()) {
        return Failure{Kind::busy, "hvd traces already; hvctl trace stop ends that"};
    }
    if (!is_bound_) {
        TRY(port_->bind_virtual_irq(RINGFOLD_VIRTUAL_IRQ_TRACE));
        is_bound_ = true;
    }
    const TraceMoment before = now_();
    std::unique_ptr<TraceRings> rings = TRY(port_->start_trace(classes, RINGFOLD_TRACE_FRAMES_MAX));
    readers_.clear();
    for (uint32_t cpu = 0; cpu < rings->cpus(); ++cpu) {
        readers_.emplace_back(rings->ring(cpu));
    }
    rings_ = std::move(rings);
    recording_ = std::make_shared<TraceRecording>(rings_->cpus(), classes, limit, before);
    return {};
}

Outcome<void> Tracer::stop() {
    if (!runs()) {
        return Failure{Kind::busy, "hvd does not trace; hvctl trace start begins"};
    }
    Outcome<void> stopped = rings_->stop();
    look();
    rings_.reset();  // ends the trace in any case
    return stopped;
}

void Tracer::look() {
    if (!runs()) {
        return;
    }
    std::vector<ringfold_trace_record> records;
    recording_->lost = 0;
    for (uint32_t cpu = 0; cpu < cpus(); ++cpu) {
        records.clear();
        readers_[cpu].read(records);
        recording_->add(cpu, records);
        recording_->lost += readers_[cpu].lost();
    }
    recording_->last = now_();
}

void Tracer::name(uint16_t domain, const std::string &name) {
    if (runs()) {
        recording_->name(domain, name);
    }
}

std::shared_ptr<const TraceRecording> Tracer::snapshot() const {
    return runs() ? std::make_shared<const TraceRecording>(*recording_) : recording_;
}

}  // namespace ringfold::tools
