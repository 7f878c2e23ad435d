using System.Runtime.InteropServices;

namespace Delos.Daemon.Sequencers;

/// <summary>Neighbouring entries of one Append frame whose sequences follow each other without a gap, all within the limit of size or all beyond it.</summary>
/// <param name="FirstSequence">Of the first entry.</param>
/// <param name="Count">Entries.</param>
/// <param name="Offset">Of the first entry, in the frame's payload.</param>
/// <param name="Length">Bytes of the entries.</param>
/// <param name="IsTooLarge">Each of the entries is larger than allowed. Their neighbours in the frame are in other runs: they may be in the log already, and are not refused with them.</param>
[StructLayout(LayoutKind.Auto)]
public readonly record struct EntryRun(ulong FirstSequence, int Count, int Offset, int Length, bool IsTooLarge = false);
