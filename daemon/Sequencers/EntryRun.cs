using System.Runtime.InteropServices;

namespace Delos.Daemon.Sequencers;

/// <summary>Neighbouring entries of one Append frame whose sequences follow each other without a gap.</summary>
/// <param name="FirstSequence">Of the first entry.</param>
/// <param name="Count">Entries.</param>
/// <param name="Offset">Of the first entry, in the frame's payload.</param>
/// <param name="Length">Bytes of the entries.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct EntryRun(ulong FirstSequence, int Count, int Offset, int Length);
