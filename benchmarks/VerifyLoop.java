import com.android.apksig.ApkVerifier;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;

/** apksig warm in one JVM: for each line of standard input, verify every APK named, and print nanoseconds and verdicts. */
public final class VerifyLoop {
    public static void main(String[] arguments) throws Exception {
        int minSdk = Integer.parseInt(arguments[0]);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        while (lines.readLine() != null) {
            StringBuilder verdicts = new StringBuilder();
            long begin = System.nanoTime();
            for (int i = 1; i < arguments.length; i++) {
                ApkVerifier.Builder builder = new ApkVerifier.Builder(new File(arguments[i]));
                if (minSdk > 0) {
                    builder.setMinCheckedPlatformVersion(minSdk);
                }
                verdicts.append(builder.build().verify().isVerified() ? '1' : '0');
            }
            System.out.println((System.nanoTime() - begin) + " " + verdicts);
        }
    }
}
