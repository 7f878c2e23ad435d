namespace Delos.Client.VirtualLogs;

/// <summary>The latest batches that a shared subscription brought, without a gap. Not thread-safe.</summary>
/// <param name="start">Where the first batch will begin.</param>
/// <param name="capacity">Bytes that are kept; the newest batch always is.</param>
internal sealed class FollowWindow(long start, long capacity)
{
    /// <summary>Bytes for each position, while nothing is known.</summary>
    private const long AssumedBytes = 1 << 10;

    private readonly List<FollowedBatch> _batches = [];
    private int _oldest;
    private long _bytes;

    /// <summary>The lowest position that is still here, or will be next.</summary>
    public long Low => _oldest < _batches.Count ? _batches[_oldest].First : High;

    /// <summary>First position that has not come yet.</summary>
    public long High { get; private set; } = start;

    /// <summary>One that brings no position further is not kept.</summary>
    public void Add(FollowedBatch batch)
    {
        if (batch.Next <= High) return;
        _batches.Add(batch);
        _bytes += batch.Bytes;
        High = batch.Next;
        while (_bytes > capacity && _oldest < _batches.Count - 1)
        {
            _bytes -= _batches[_oldest].Bytes;
            _batches[_oldest++] = null!;
        }

        if (_oldest * 2 <= _batches.Count) return;
        _batches.RemoveRange(0, _oldest);
        _oldest = 0;
    }

    /// <summary>The batch that has that position, which is at least <see cref="Low"/>; null: it has not come yet.</summary>
    public FollowedBatch? Find(long position)
    {
        if (position >= High) return null;
        var (low, high) = (_oldest, _batches.Count - 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_batches[middle].Next > position) high = middle;
            else low = middle + 1;
        }

        return _batches[low];
    }

    /// <summary>Whether what lies between the end and that position would, by what came so far, be more than is kept.</summary>
    public bool IsFarBehind(long position)
    {
        var each = High > Low ? Math.Max(1, _bytes / (High - Low)) : AssumedBytes;
        return position - High > capacity / each;
    }

    /// <summary>Whether that position is the next one or has come since then (a time stamp), and will not be dropped soon.</summary>
    public bool IsRecent(long position, long since)
    {
        if (position >= High) return true;
        if (position < Low || Find(position)!.Received < since) return false;
        return _bytes * 2 <= capacity || position >= _batches[(_oldest + _batches.Count) / 2].First;
    }
}
