/*
 * Java Mail (Debian's libmail-java), run as a single source file.
 *
 * Stores each message with CRLF, as it came.
 */

import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Properties;
import javax.mail.Flags;
import javax.mail.Folder;
import javax.mail.Message;
import javax.mail.Session;
import javax.mail.Store;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;

public class JavaMail {
    /** Trusts the one authority of POP3_CA. */
    static SSLSocketFactory trust(String caFile) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (FileInputStream in = new FileInputStream(caFile)) {
            store.setCertificateEntry("ca", CertificateFactory
                .getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(
            TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context.getSocketFactory();
    }

    public static void main(String[] arguments) throws Exception {
        var env = System.getenv();
        boolean implicit = env.get("POP3_TLS").equals("implicit");
        Properties settings = new Properties();
        settings.put("mail.pop3.ssl.enable", String.valueOf(implicit));
        settings.put("mail.pop3.starttls.enable", String.valueOf(!implicit));
        settings.put("mail.pop3.starttls.required", String.valueOf(!implicit));
        settings.put("mail.pop3.ssl.socketFactory",
                     trust(env.get("POP3_CA")));
        settings.put("mail.pop3.ssl.checkserveridentity", "true");

        Store store = Session.getInstance(settings).getStore("pop3");
        store.connect(env.get("POP3_HOST"),
                      Integer.parseInt(env.get("POP3_PORT")),
                      env.get("POP3_USER"), env.get("POP3_PASSWORD"));
        Folder inbox = store.getFolder("INBOX");
        inbox.open(Folder.READ_WRITE);
        Path messages = Files.createDirectory(Path.of("messages"));
        for (Message message : inbox.getMessages()) {
            Path path = messages.resolve("" + message.getMessageNumber());
            try (OutputStream out = new FileOutputStream(path.toFile())) {
                message.writeTo(out);
            }
            message.setFlag(Flags.Flag.DELETED, true);
        }
        inbox.close(true);
        store.close();
    }
}
