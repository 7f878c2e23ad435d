using Delos.Client.Loglets;
using Delos.Protocol.Blocks;
using Delos.Protocol.Chains;
using Delos.Protocol.Entries;

namespace Delos.Client.VirtualLogs;

/// <summary>Turns entries as a Loglet holds them into what readers of a handle get. Thread-safe.</summary>
internal sealed class EntryDecoder(LogOptions options)
{
    /// <summary>Adds copies of those in [<paramref name="from"/>, <paramref name="until"/>), positions of the VirtualLog, that readers are shown.</summary>
    /// <param name="segment">Whose entries they are.</param>
    /// <param name="first">Position in its Loglet of the first.</param>
    /// <param name="payload">Verified entries, back to back; null: none.</param>
    /// <param name="from">First position wanted.</param>
    /// <param name="until">First position not wanted.</param>
    /// <param name="entries">Where they are added.</param>
    public void Decode(Segment segment, long first, RetainedPayload? payload, long from, long until, List<LogEntry> entries)
    {
        var position = segment.Start + first;
        var copies = new PayloadCopies(payload?.Length ?? 0);
        using var cursor = new EntryCursor(payload);
        for (; cursor.MoveNext(); position++)
        {
            if (position < from || position >= until) continue;
            if (cursor.Header.Kind == EntryKind.Data || (cursor.Header.Kind == EntryKind.Deleted && options.ShowDeleted))
                entries.Add(new LogEntry(position, copies.Copy(cursor.Payload), cursor.Header.Id, cursor.Header.Kind));
        }
    }
}
