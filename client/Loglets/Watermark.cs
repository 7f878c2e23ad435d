namespace Delos.Client.Loglets;

/// <summary>A tail that only grows. Thread-safe.</summary>
internal sealed class Watermark
{
    private long _value;

    public long Value => Interlocked.Read(ref _value);

    public void Raise(long value)
    {
        var known = Interlocked.Read(ref _value);
        while (value > known)
        {
            var before = Interlocked.CompareExchange(ref _value, value, known);
            if (before == known) return;
            known = before;
        }
    }
}
