/*
 * tests/layout.c - where every member of the ABI's structs is, on machines
 * with 64-bit pointers: frozen, so a number here never changes. The headers
 * hold the sizes. Compiled as C and, by test_abi_headers.sh, as C++.
 * A member that is missing here is found there, too.
 */
#include <flux/abi.h>
#include <flux/agent.h>
#include <flux/control.h>
#include <flux/services.h>

#if UINTPTR_MAX == 0xFFFFFFFFFFFFFFFFu
#define AT(type, member, offset) \
  FLUX_STATIC_ASSERT(offsetof(type, member) == (offset), #type "." #member)

AT(flux_host, struct_size, 0);
AT(flux_host, abi_version, 4);
AT(flux_host, name, 8);
AT(flux_host, version, 16);
AT(flux_host, build_id, 24);
AT(flux_host, ctx, 32);
AT(flux_host, extension, 40);
FLUX_STATIC_ASSERT(sizeof(flux_host) == 48, "flux_host");

AT(flux_plugin_descriptor, struct_size, 0);
AT(flux_plugin_descriptor, build_signature, 4);
AT(flux_plugin_descriptor, id, 8);
AT(flux_plugin_descriptor, name, 16);
AT(flux_plugin_descriptor, version, 24);
AT(flux_plugin_descriptor, negotiate, 32);
AT(flux_plugin_descriptor, check, 40);
AT(flux_plugin_descriptor, create, 48);
AT(flux_plugin_descriptor, destroy, 56);
AT(flux_plugin_descriptor, extension, 64);
FLUX_STATIC_ASSERT(sizeof(flux_plugin_descriptor) == 72, "descriptor");

AT(flux_event, out, 0);
AT(flux_event, argc, 1);
AT(flux_event, name, 2);
AT(flux_event, arg, 4);
AT(flux_event, value, 16);
FLUX_STATIC_ASSERT(sizeof(flux_event) == 20, "flux_event");

AT(flux_state, struct_size, 0);
AT(flux_state, cell_count, 4);
AT(flux_state, mem_size, 8);
AT(flux_state, pc, 12);
AT(flux_state, status, 16);
AT(flux_state, fault, 20);
AT(flux_state, cycles, 24);
AT(flux_state, cells, 32);
AT(flux_state, mem, 40);
AT(flux_state, page_count, 48);
AT(flux_state, reserved, 52);
AT(flux_state, page, 56);
AT(flux_state, page_bytes, 64);
FLUX_STATIC_ASSERT(sizeof(flux_state) == 72, "flux_state");

AT(flux_task, struct_size, 0);
AT(flux_task, flags, 4);
AT(flux_task, number, 8);
AT(flux_task, version, 16);
AT(flux_task, cycles, 24);
AT(flux_task, status, 32);
AT(flux_task, fault, 36);
AT(flux_task, begin_pc, 40);
AT(flux_task, end_pc, 44);
AT(flux_task, confidence, 48);
AT(flux_task, trust, 56);
AT(flux_task, event_count, 64);
AT(flux_task, reserved, 68);
AT(flux_task, events, 72);
AT(flux_task, begin, 80);
AT(flux_task, end, 88);
FLUX_STATIC_ASSERT(sizeof(flux_task) == 96, "flux_task");

AT(flux_agent_info, struct_size, 0);
AT(flux_agent_info, flags, 4);
AT(flux_agent_info, id, 8);
AT(flux_agent_info, name, 16);
AT(flux_agent_info, dialect, 24);
AT(flux_agent_info, dialect_text, 32);
AT(flux_agent_info, dialect_size, 40);
AT(flux_agent_info, bindings_text, 48);
AT(flux_agent_info, bindings_size, 56);
AT(flux_agent_info, code, 64);
AT(flux_agent_info, code_size, 72);
AT(flux_agent_info, entry, 76);
AT(flux_agent_info, manifest, 80);
AT(flux_agent_info, trust, 88);
AT(flux_agent_info, confidence_cell, 96);
AT(flux_agent_info, reserved, 100);
AT(flux_agent_info, max_task_fuel, 104);
AT(flux_agent_info, confidence_scale, 112);
FLUX_STATIC_ASSERT(sizeof(flux_agent_info) == 120, "flux_agent_info");

AT(flux_evolver, struct_size, 0);
AT(flux_evolver, reserved, 4);
AT(flux_evolver, attach, 8);
AT(flux_evolver, detach, 16);
AT(flux_evolver, task_end, 24);
FLUX_STATIC_ASSERT(sizeof(flux_evolver) == 32, "flux_evolver");

AT(flux_transfer, from_pc, 0);
AT(flux_transfer, to_pc, 4);
FLUX_STATIC_ASSERT(sizeof(flux_transfer) == 8, "flux_transfer");

AT(flux_patch, struct_size, 0);
AT(flux_patch, reserved, 4);
AT(flux_patch, id, 8);
AT(flux_patch, base, 16);
AT(flux_patch, code, 24);
AT(flux_patch, code_size, 32);
AT(flux_patch, entry, 36);
AT(flux_patch, manifest, 40);
AT(flux_patch, transfer_count, 48);
AT(flux_patch, back_count, 52);
AT(flux_patch, transfer, 56);
AT(flux_patch, back, 64);
AT(flux_patch, deadline_tasks, 72);
AT(flux_patch, flags, 76);
AT(flux_patch, hold_ms, 80);
AT(flux_patch, boundary_pc, 84);
FLUX_STATIC_ASSERT(sizeof(flux_patch) == 88, "flux_patch");

AT(flux_live, struct_size, 0);
AT(flux_live, reserved, 4);
AT(flux_live, observe, 8);
AT(flux_live, counts, 16);
AT(flux_live, offer, 24);
AT(flux_live, withdraw, 32);
AT(flux_live, agree, 40);
AT(flux_live, accept, 48);
AT(flux_live, take_back, 56);
AT(flux_live, explain, 64);
FLUX_STATIC_ASSERT(sizeof(flux_live) == 72, "flux_live");

AT(flux_control, struct_size, 0);
AT(flux_control, reserved, 4);
AT(flux_control, request, 8);
FLUX_STATIC_ASSERT(sizeof(flux_control) == 16, "flux_control");

AT(flux_setting, struct_size, 0);
AT(flux_setting, type, 4);
AT(flux_setting, name, 8);
AT(flux_setting, i, 16);
AT(flux_setting, f, 24);
AT(flux_setting, s, 32);
AT(flux_setting, file, 40);
AT(flux_setting, line, 48);
AT(flux_setting, reserved, 52);
FLUX_STATIC_ASSERT(sizeof(flux_setting) == 56, "flux_setting");

AT(flux_config, struct_size, 0);
AT(flux_config, count, 4);
AT(flux_config, at, 8);
FLUX_STATIC_ASSERT(sizeof(flux_config) == 16, "flux_config");

AT(flux_log, struct_size, 0);
AT(flux_log, level, 4);
AT(flux_log, line, 8);
FLUX_STATIC_ASSERT(sizeof(flux_log) == 16, "flux_log");

AT(flux_clock, struct_size, 0);
AT(flux_clock, reserved, 4);
AT(flux_clock, now_ns, 8);
FLUX_STATIC_ASSERT(sizeof(flux_clock) == 16, "flux_clock");

AT(flux_step_io, struct_size, 0);
AT(flux_step_io, reserved, 4);
AT(flux_step_io, input, 8);
AT(flux_step_io, output, 16);
AT(flux_step_io, user, 24);
FLUX_STATIC_ASSERT(sizeof(flux_step_io) == 32, "flux_step_io");

AT(flux_step, struct_size, 0);
AT(flux_step, flags, 4);
AT(flux_step, open, 8);
AT(flux_step, run, 16);
AT(flux_step, close, 24);
FLUX_STATIC_ASSERT(sizeof(flux_step) == 32, "flux_step");

AT(flux_value, type, 0);
AT(flux_value, reserved, 4);
AT(flux_value, as, 8);
FLUX_STATIC_ASSERT(sizeof(flux_value) == 16, "flux_value");

AT(flux_judge, struct_size, 0);
AT(flux_judge, reserved, 4);
AT(flux_judge, offers, 8);
AT(flux_judge, open, 16);
AT(flux_judge, begin, 24);
AT(flux_judge, event, 32);
AT(flux_judge, value, 40);
AT(flux_judge, end, 48);
AT(flux_judge, close, 56);
FLUX_STATIC_ASSERT(sizeof(flux_judge) == 64, "flux_judge");

AT(flux_native, struct_size, 0);
AT(flux_native, reserved, 4);
AT(flux_native, call, 8);
FLUX_STATIC_ASSERT(sizeof(flux_native) == 16, "flux_native");

#endif

extern int layout_of_the_abi;
